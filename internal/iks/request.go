package iks

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"unicode"
)

// getJSON reads path into out, on our own client.
func (c *Client) getJSON(cl *call, path string, query url.Values, header http.Header, out any) error {
	req, err := http.NewRequestWithContext(cl.ctx, http.MethodGet, c.endpoints.iks+path+"?"+query.Encode(), nil)
	if err != nil {
		return cl.explain(err)
	}
	setHeader(req, header)
	answer, err := c.send(cl.reading(), req)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(answer.body, out); err != nil {
		return cl.explain(fmt.Errorf("the answer is not as IKS gives it: %w", err))
	}
	return nil
}

// postJSON sends body to path and gives the answer as it is.
func (c *Client) postJSON(cl *call, path string, header http.Header, body any) ([]byte, error) {
	content, err := json.Marshal(body)
	if err != nil {
		return nil, cl.explain(err)
	}
	req, err := http.NewRequestWithContext(cl.ctx, http.MethodPost, c.endpoints.iks+path, bytes.NewReader(content))
	if err != nil {
		return nil, cl.explain(err)
	}
	setHeader(req, header)
	answer, err := c.send(cl, req)
	if err != nil {
		return nil, err
	}
	return answer.body, nil
}

func setHeader(req *http.Request, header http.Header) {
	for name, values := range header {
		req.Header[name] = values
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("Accept-Language", "en")
	req.Header.Set("Content-Type", "application/json")
}

// checkName refuses what cannot name anything, before it gets into a URL:
// bluemix-go puts names into paths and queries and then cleans the whole as a path.
func checkName(kind, name string) error {
	if name == "" || name == "." || name == ".." || len(name) > 256 ||
		strings.ContainsAny(name, `/\?#%&`) || strings.ContainsFunc(name, func(r rune) bool { return unicode.IsSpace(r) || !unicode.IsPrint(r) }) {
		return fmt.Errorf("%.80q cannot be the name or ID of a %s", name, kind)
	}
	return nil
}
