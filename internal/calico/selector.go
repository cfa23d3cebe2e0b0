package calico

import (
	"slices"
	"strings"
)

// RoleLabel is the label of HostEndpoints that says which interface of which machine they are, for example
// "worker_public".
const RoleLabel = "ibm.role"

// RoleSelector selects the HostEndpoints of these roles, in their order, as IBM writes it:
// "ibm.role in { 'worker_public', 'master_public' }", or "ibm.role == 'worker_public'" for a single one.
func RoleSelector(roles ...string) string {
	quoted := make([]string, 0, len(roles))
	for _, role := range roles {
		quoted = append(quoted, "'"+role+"'")
	}
	if len(quoted) == 1 {
		return RoleLabel + " == " + quoted[0]
	}
	return RoleLabel + " in { " + strings.Join(quoted, ", ") + " }"
}

// RolesOf reads the roles, sorted, of a selector that selects by role and nothing else. False if it is another one.
func RolesOf(selector string) ([]string, bool) {
	tokens, ok := tokenize(selector)
	if !ok || len(tokens) < 3 || tokens[0] != RoleLabel {
		return nil, false
	}
	if tokens[1] == "==" && len(tokens) == 3 && tokens[2][0] == '"' {
		return []string{strings.Trim(tokens[2], `"`)}, true
	}
	if tokens[1] != "in" || tokens[2][0] != '{' {
		return nil, false
	}
	set, rest := readSet(tokens[2:])
	if len(rest) > 0 || len(set) == 0 {
		return nil, false
	}
	var roles []string
	for _, role := range set {
		roles = append(roles, strings.Trim(role, `"`))
	}
	return roles, true
}

// SameSelector tells whether two selectors are the same but for quotes, blanks and the order within sets.
func SameSelector(a, b string) bool { return normalSelector(a) == normalSelector(b) }

// normalSelector writes a selector in one way: quotes, blanks and the order within a set do not matter, and a set of
// one is an equality. What is not understood is left as it is.
func normalSelector(selector string) string {
	tokens, ok := tokenize(selector)
	if !ok {
		return strings.Trim(selector, " \t")
	}
	var out []string
	for len(tokens) > 0 {
		set, rest := readSet(tokens)
		if set == nil {
			out, tokens = append(out, tokens[0]), tokens[1:]
			continue
		}
		last := len(out) - 1
		if len(set) == 1 && last >= 1 && out[last] == "in" {
			if out[last-1] != "not" {
				out = append(out[:last], "==", set[0])
			} else {
				out = append(out[:last-1], "!=", set[0])
			}
		} else {
			out = append(out, "{"+strings.Join(set, ", ")+"}")
		}
		tokens = rest
	}
	return join(out)
}

// join writes tokens with single blanks, but for those that belong to brackets and negations.
func join(tokens []string) string {
	var b strings.Builder
	for i, token := range tokens {
		if i > 0 && tokens[i-1] != "(" && tokens[i-1] != "!" && token != ")" &&
			(token != "(" || !slices.Contains([]string{"has", "all", "global"}, tokens[i-1])) {
			b.WriteByte(' ')
		}
		b.WriteString(token)
	}
	return b.String()
}

// readSet reads a set of strings, sorted and each once, from the beginning of the tokens. Nil if there is none.
func readSet(tokens []string) (set, rest []string) {
	if len(tokens) == 0 || tokens[0] != "{" {
		return nil, tokens
	}
	set = []string{}
	for i := 1; i < len(tokens); i++ {
		switch {
		case tokens[i] == "}":
			slices.Sort(set)
			return slices.Compact(set), tokens[i+1:]
		case tokens[i][0] == '"':
			set = append(set, tokens[i])
		case tokens[i] != ",":
			return nil, tokens
		}
	}
	return nil, tokens
}

// tokenize splits a selector. Strings keep double quotes, whichever they had, and stay with single ones only if they
// hold a double one. False if it is not a selector.
func tokenize(selector string) ([]string, bool) {
	const word = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./-"
	var tokens []string
	for rest := strings.TrimLeft(selector, " \t"); rest != ""; rest = strings.TrimLeft(rest, " \t") {
		size := 1
		switch c := rest[0]; {
		case c == '"' || c == '\'':
			end := strings.IndexByte(rest[1:], c)
			if end < 0 {
				return nil, false
			}
			size = end + 2
			text := rest[1 : end+1]
			if strings.Contains(text, `"`) {
				tokens = append(tokens, "'"+text+"'")
			} else {
				tokens = append(tokens, `"`+text+`"`)
			}
			rest = rest[size:]
			continue
		case strings.HasPrefix(rest, "=="), strings.HasPrefix(rest, "!="), strings.HasPrefix(rest, "&&"), strings.HasPrefix(rest, "||"):
			size = 2
		case strings.IndexByte("(){},!", c) >= 0:
		case strings.IndexByte(word, c) >= 0:
			size = len(rest) - len(strings.TrimLeft(rest, word))
		default:
			return nil, false
		}
		tokens = append(tokens, rest[:size])
		rest = rest[size:]
	}
	return tokens, true
}
