package fakeiks

import (
	"net/http"
	"net/url"
	"strings"
	"time"
)

// token is POST /identity/token.
func (s *Server) token(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		writeIAMError(w, errMissingProperty("grant_type"))
		return
	}
	form := r.PostForm
	var actor Identity
	if form.Get("grant_type") == grantAssume {
		var err error
		if actor, err = s.iam.verify(form.Get("access_token"), ""); err != nil || actor.Profile {
			writeIAMError(w, errAccessToken())
			return
		}
	}
	s.iam.mu.Lock()
	defer s.iam.mu.Unlock()
	client, known := s.iam.client(r)
	if !known {
		writeIAMError(w, errClient())
		return
	}
	body, err := s.iam.grant(form, client, &actor)
	if err != nil {
		writeIAMError(w, err)
		return
	}
	w.Header().Set("Transaction-Id", secret(8))
	writeJSON(w, http.StatusOK, body)
}

// client is the OAuth client that sends a request: "bx" (IBM's command line),
// "kube", or "default" when it does not say.
func (i *iam) client(r *http.Request) (string, bool) {
	name, password, given := r.BasicAuth()
	if !given {
		return "default", true
	}
	return name, name == password && (name == "bx" || name == kubeClient)
}

// grant answers a token request. Call it with the lock held.
func (i *iam) grant(form url.Values, client string, actor *Identity) (map[string]any, *iamError) {
	grant := form.Get("grant_type")
	switch grant {
	case grantAPIKey:
		key := form.Get("apikey")
		if key == "" {
			return nil, errMissingProperty("apikey")
		}
		iamID, found := i.keys[key]
		if !found {
			return nil, errUnknownKey()
		}
		return i.respond(iamID, grant, client, nil)
	case grantRefresh:
		token, err := i.redeem(form.Get("refresh_token"), client, false)
		if err != nil {
			return nil, err
		}
		if form.Get("response_type") == "delegated_refresh_token" {
			return i.delegate(token, form)
		}
		return i.respond(token.iamID, grant, client, nil)
	case grantDelegated:
		token, err := i.redeem(form.Get("refresh_token"), client, true)
		if err != nil {
			return nil, err
		}
		return i.respond(token.iamID, grant, client, nil)
	case grantPasscode:
		code := form.Get("passcode")
		token, found := i.passcodes[code]
		delete(i.passcodes, code)
		if !found || token.expires.Before(time.Now()) {
			return nil, &iamError{status: http.StatusBadRequest, code: "BXNIM0412E", message: "Provided passcode is invalid."}
		}
		return i.respond(token.iamID, grant, client, nil)
	case grantAssume:
		profile, err := i.profile(form)
		if err != nil {
			return nil, err
		}
		return i.respond(profile, grant, client, actor)
	case "":
		return nil, errMissingProperty("grant_type")
	default:
		return nil, errGrant(grant)
	}
}

// redeem looks up a refresh token.
func (i *iam) redeem(text, client string, delegated bool) (refreshToken, *iamError) {
	if text == "" {
		return refreshToken{}, errMissingProperty("refresh_token")
	}
	token, found := i.refresh[text]
	if !found || token.client != client || token.delegated != delegated {
		return refreshToken{}, errRefreshInvalid()
	}
	if token.expires.Before(time.Now()) {
		return refreshToken{}, errRefreshExpired()
	}
	return token, nil
}

// delegate makes a short-lived refresh token for another client.
func (i *iam) delegate(token refreshToken, form url.Values) (map[string]any, *iamError) {
	receiver := form.Get("receiver_client_ids")
	if receiver == "" {
		return nil, errMissingProperty("receiver_client_ids")
	}
	lifetime := 10 * time.Minute
	if text := form.Get("delegated_refresh_token_expiry"); text != "" {
		parsed, err := time.ParseDuration(text + "s")
		if err != nil {
			return nil, errMissingProperty("delegated_refresh_token_expiry")
		}
		lifetime = parsed
	}
	return map[string]any{
		"delegated_refresh_token": i.newRefresh(token.iamID, receiver, true, lifetime),
	}, nil
}

func (i *iam) newRefresh(iamID, client string, delegated bool, lifetime time.Duration) string {
	text := secret(48)
	i.refresh[text] = refreshToken{iamID: iamID, client: client, delegated: delegated, expires: time.Now().Add(lifetime)}
	return text
}

// profile finds the trusted profile that is to be assumed: by ID, by CRN
// (whose last part is the ID) or by name, which here is the ID.
func (i *iam) profile(form url.Values) (string, *iamError) {
	id := form.Get("profile_id")
	if crn := form.Get("profile_crn"); id == "" && crn != "" {
		id = crn[strings.LastIndex(crn, ":")+1:]
	}
	if id == "" {
		id = form.Get("profile_name")
	}
	if id == "" {
		return "", errMissingProperty("profile_id")
	}
	if _, found := i.identities["iam-"+id]; !found {
		return "", errProfile()
	}
	return "iam-" + id, nil
}

// respond makes the token response.
func (i *iam) respond(iamID, grant, client string, actor *Identity) (map[string]any, *iamError) {
	who, found := i.identities[iamID]
	if !found {
		return nil, errUnknownKey()
	}
	lifetime := i.lifetime
	if client == kubeClient {
		lifetime = i.kubeLifetime
	}
	access, expires, err := i.mint(who, grant, client, lifetime, actor)
	if err != nil {
		return nil, &iamError{status: http.StatusInternalServerError, code: "BXNIM0001E", message: err.Error()}
	}
	body := map[string]any{
		"access_token":  access,
		"refresh_token": noRefreshToken,
		"token_type":    "Bearer",
		"expires_in":    int64(lifetime / time.Second),
		"expiration":    expires.Unix(),
		"scope":         "ibm openid",
	}
	if client != "default" && actor == nil {
		body["refresh_token"] = i.newRefresh(iamID, client, false, refreshLifetime)
	}
	if client == kubeClient {
		body["id_token"] = access
	}
	return body, nil
}

// kubeTokens makes the id-token and the refresh token of a kubeconfig.
func (i *iam) kubeTokens(who Identity) (idToken, refresh string, err error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	idToken, _, err = i.mint(&who, grantDelegated, kubeClient, i.kubeLifetime, nil)
	if err != nil {
		return "", "", err
	}
	return idToken, i.newRefresh(who.IAMID, kubeClient, false, refreshLifetime), nil
}
