package fakeiks

import (
	"net/url"
	"strings"
)

// pattern matches a path and, where it names some, query parameters.
type pattern struct {
	any      bool
	segments []string
	query    url.Values
}

// compilePattern reads "/v1/clusters/{c}/workerpools/*" (one segment each),
// "/v1/alb/..." (anything below) and "/v2/getCluster?cluster=x". An empty
// pattern matches everything.
func compilePattern(text string) pattern {
	path, query, _ := strings.Cut(text, "?")
	values, err := url.ParseQuery(query)
	if err != nil {
		values = url.Values{"": {query}} // matches nothing
	}
	return pattern{
		any:      path == "",
		segments: strings.Split(strings.Trim(path, "/"), "/"),
		query:    values,
	}
}

func (p pattern) matches(path string, query url.Values) bool {
	for name, values := range p.query {
		if len(query[name]) == 0 || query.Get(name) != values[0] {
			return false
		}
	}
	if p.any {
		return true
	}
	parts := strings.Split(strings.Trim(path, "/"), "/")
	for i, want := range p.segments {
		if want == "..." && i == len(p.segments)-1 {
			return true
		}
		if i >= len(parts) {
			return false
		}
		wild := want == "*" || strings.HasPrefix(want, "{") && strings.HasSuffix(want, "}")
		if !wild && want != parts[i] {
			return false
		}
	}
	return len(parts) == len(p.segments)
}
