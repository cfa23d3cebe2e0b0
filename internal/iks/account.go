package iks

import (
	"context"
	"strings"
)

// Account is the ID of the account that the credentials act in, by the claim
// `account.bss` of their token; "" where the token does not tell.
func (c *Client) Account(ctx context.Context) (string, error) {
	cl, cancel := c.begin(ctx, "asking for the account of", "the credentials")
	defer cancel()
	jwt, err := c.tokens.get(cl.ctx)
	if err != nil {
		return "", cl.explain(err)
	}
	var claims struct {
		Account struct {
			ID string `json:"bss"`
		} `json:"account"`
	}
	if !readClaims(jwt, &claims) {
		return "", nil
	}
	return claims.Account.ID, nil
}

// Account is the ID of the account that the cluster belongs to, as its CRN has
// it (crn:v1:bluemix:public:containers-kubernetes:<region>:a/<account>:<ID>::);
// "" where the CRN does not tell.
func (c Cluster) Account() string {
	const scope = 6
	parts := strings.Split(c.CRN, ":")
	if len(parts) <= scope {
		return ""
	}
	account, _ := strings.CutPrefix(parts[scope], "a/")
	return account
}
