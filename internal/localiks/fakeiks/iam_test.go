package fakeiks_test

import (
	"crypto/rsa"
	"encoding/base64"
	"math/big"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/IBM-Cloud/bluemix-go/api/container/containerv2"
	"github.com/IBM/go-sdk-core/v5/core"
	"github.com/golang-jwt/jwt/v5"

	"github.com/iks-patterns/terraform-provider-iks/internal/localiks/fakeiks"
)

func TestAccessTokenHasIBMsClaimsAndAPublishedKey(t *testing.T) {
	t.Parallel()
	s := start(t, fakeiks.Options{})
	token := tokenFor(t, s, adminKey)

	keys := object(t, do(t, s, "", http.MethodGet, "/identity/keys", "", http.StatusOK))
	list, ok := keys["keys"].([]any)
	if !ok || len(list) != 1 {
		t.Fatalf("keys: %v", keys)
	}
	key, ok := list[0].(map[string]any)
	if !ok {
		t.Fatalf("key: %v", list[0])
	}
	claims := jwt.MapClaims{}
	parsed, err := jwt.ParseWithClaims(token, claims, func(token *jwt.Token) (any, error) {
		if token.Header["kid"] != key["kid"] {
			t.Errorf("the token's key %v is not the published one %v", token.Header["kid"], key["kid"])
		}
		n, err := base64.RawURLEncoding.DecodeString(text(t, key["n"]))
		if err != nil {
			return nil, err
		}
		e, err := base64.RawURLEncoding.DecodeString(text(t, key["e"]))
		if err != nil {
			return nil, err
		}
		return &rsa.PublicKey{N: new(big.Int).SetBytes(n), E: int(new(big.Int).SetBytes(e).Int64())}, nil
	})
	if err != nil || parsed.Method.Alg() != "RS256" {
		t.Fatalf("token: %v, %v", err, parsed)
	}
	for _, name := range []string{
		"iam_id", "id", "realmid", "jti", "identifier", "email", "sub", "account", "iat", "exp", "iss", "grant_type", "scope", "client_id", "acr", "amr",
	} {
		if claims[name] == nil || claims[name] == "" {
			t.Errorf("claim %q is missing", name)
		}
	}
	// What IBM's provider reads without asking twice.
	account, ok := claims["account"].(map[string]any)
	if !ok || text(t, account["bss"]) == "" || account["valid"] != true {
		t.Errorf("account: %v", claims["account"])
	}
	if !strings.Contains(text(t, claims["iss"]), "https://iam.cloud.ibm.com") {
		t.Errorf("issuer: %v", claims["iss"])
	}
	if claims["client_id"] != "default" || claims["grant_type"] != "urn:ibm:params:oauth:grant-type:apikey" {
		t.Errorf("client %v, grant %v", claims["client_id"], claims["grant_type"])
	}
}

func TestTokenResponse(t *testing.T) {
	t.Parallel()
	s := start(t, fakeiks.Options{TokenLifetime: 20 * time.Minute})
	form := url.Values{"grant_type": {"urn:ibm:params:oauth:grant-type:apikey"}, "apikey": {adminKey}, "response_type": {"cloud_iam"}}
	tests := map[string]struct {
		client      string
		wantRefresh bool
	}{
		"IBM's command line gets a refresh token": {client: "bx", wantRefresh: true},
		"a client without a name gets none":       {},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			body := postForm(t, s, test.client, form, http.StatusOK)
			if body["token_type"] != "Bearer" || body["expires_in"] != 1200.0 {
				t.Errorf("token_type %v, expires_in %v", body["token_type"], body["expires_in"])
			}
			expires, ok := body["expiration"].(float64)
			if left := time.Until(time.Unix(int64(expires), 0)); !ok || left < 19*time.Minute || left > 20*time.Minute {
				t.Errorf("expiration %v is not in 20 minutes", body["expiration"])
			}
			if got := body["refresh_token"] != "not_supported"; got != test.wantRefresh {
				t.Errorf("refresh_token %v", body["refresh_token"])
			}
		})
	}
}

func TestTokenRefusals(t *testing.T) {
	t.Parallel()
	s := start(t, fakeiks.Options{})
	apikey := "urn:ibm:params:oauth:grant-type:apikey"
	tests := map[string]struct {
		client     string
		form       url.Values
		wantStatus int
		wantCode   string
	}{
		"wrong key":          {form: url.Values{"grant_type": {apikey}, "apikey": {"wrong"}}, wantStatus: 400, wantCode: "BXNIM0415E"},
		"no key":             {form: url.Values{"grant_type": {apikey}}, wantStatus: 400, wantCode: "BXNIM0109E"},
		"no grant":           {form: url.Values{}, wantStatus: 400, wantCode: "BXNIM0109E"},
		"unknown grant":      {form: url.Values{"grant_type": {"password"}}, wantStatus: 400, wantCode: "BXNIM0110E"},
		"unknown client":     {client: "me", form: url.Values{"grant_type": {apikey}, "apikey": {adminKey}}, wantStatus: 401, wantCode: "BXNIM0117E"},
		"bad refresh token":  {client: "bx", form: url.Values{"grant_type": {"refresh_token"}, "refresh_token": {"x"}}, wantStatus: 400, wantCode: "BXNIM0407E"},
		"assume, bad token":  {form: url.Values{"grant_type": {"urn:ibm:params:oauth:grant-type:assume"}, "access_token": {"x"}, "profile_id": {profileID}}, wantStatus: 400, wantCode: "BXNIM0514E"},
		"bad passcode":       {client: "bx", form: url.Values{"grant_type": {"urn:ibm:params:oauth:grant-type:passcode"}, "passcode": {"x"}}, wantStatus: 400, wantCode: "BXNIM0412E"},
		"delegated, unknown": {client: "kube", form: url.Values{"grant_type": {"urn:ibm:params:oauth:grant-type:delegated-refresh-token"}, "refresh_token": {"x"}}, wantStatus: 400, wantCode: "BXNIM0407E"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			body := postForm(t, s, test.client, test.form, test.wantStatus)
			if body["errorCode"] != test.wantCode || text(t, body["errorMessage"]) == "" {
				t.Errorf("body %v, want code %s", body, test.wantCode)
			}
		})
	}
	t.Run("bluemix-go reports the wrong key", func(t *testing.T) {
		t.Parallel()
		c := config(s, "wrong")
		_, err := containerv2.New(sessionOf(t, c))
		wantFailure(t, err, http.StatusBadRequest, "BXNIM0415E")
		if !strings.Contains(err.Error(), "Provided API key could not be found") {
			t.Errorf("error %v", err)
		}
	})
}

func TestSDKAuthenticators(t *testing.T) {
	t.Parallel()
	s := start(t, fakeiks.Options{})
	cluster := addClassic(t, s)
	simple, err := core.NewIamAuthenticatorBuilder().SetApiKey(adminKey).SetURL(s.IAMURL()).Build()
	if err != nil {
		t.Fatal(err)
	}
	named, err := core.NewIamAuthenticatorBuilder().SetApiKey(adminKey).SetURL(s.IAMURL()).SetClientIDSecret("bx", "bx").Build()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := named.GetToken(); err != nil {
		t.Fatal(err)
	}
	refreshing, err := core.NewIamAuthenticatorBuilder().SetRefreshToken(named.RefreshToken).SetURL(s.IAMURL()).SetClientIDSecret("bx", "bx").Build()
	if err != nil {
		t.Fatal(err)
	}
	byID, err := core.NewIamAssumeAuthenticatorBuilder().SetApiKey(adminKey).SetIAMProfileID(profileID).SetURL(s.IAMURL()).Build()
	if err != nil {
		t.Fatal(err)
	}
	byCRN, err := core.NewIamAssumeAuthenticatorBuilder().SetApiKey(adminKey).
		SetIAMProfileCRN("crn:v1:bluemix:public:iam-identity::a/1::profile:" + profileID).SetURL(s.IAMURL()).Build()
	if err != nil {
		t.Fatal(err)
	}
	for name, authenticator := range map[string]core.Authenticator{
		"API key": simple, "API key of a named client": named, "refresh token": refreshing, "profile by ID": byID, "profile by CRN": byCRN,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL()+"/v2/getCluster?cluster="+cluster.ID, nil)
			if err != nil {
				t.Fatal(err)
			}
			if err := authenticator.Authenticate(request); err != nil {
				t.Fatal(err)
			}
			if got := object(t, send(t, request, http.StatusOK)); got["id"] != cluster.ID {
				t.Errorf("got cluster %v", got["id"])
			}
			c := config(s, "")
			c.Authenticator = authenticator
			if _, err := clientV2(t, c).Clusters().GetCluster(cluster.ID, containerv2.ClusterTargetHeader{}); err != nil {
				t.Errorf("bluemix-go with the authenticator: %v", err)
			}
		})
	}
	t.Run("unknown profile", func(t *testing.T) {
		t.Parallel()
		unknown, err := core.NewIamAssumeAuthenticatorBuilder().SetApiKey(adminKey).SetIAMProfileID("Profile-x").SetURL(s.IAMURL()).Build()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := unknown.GetToken(); err == nil || !strings.Contains(err.Error(), "trusted profile could not be found") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("bluemix-go assumes a profile", func(t *testing.T) {
		t.Parallel()
		c := config(s, adminKey)
		c.IAMTrustedProfileID = profileID
		if _, err := clientV2(t, c).Clusters().GetCluster(cluster.ID, containerv2.ClusterTargetHeader{}); err != nil {
			t.Error(err)
		}
	})
}

func TestExpiredTokenIsRefusedAndBluemixGetsANewOne(t *testing.T) {
	t.Parallel()
	s := start(t, fakeiks.Options{})
	cluster := addVPC(t, s)
	api := clientV2(t, config(s, adminKey))
	old := tokenFor(t, s, adminKey)
	s.ExpireTokens()
	body := object(t, do(t, s, old, http.MethodGet, "/v2/getCluster?cluster="+cluster.ID, "", http.StatusUnauthorized))
	if body["type"] != "Authentication" || text(t, body["incidentID"]) == "" {
		t.Errorf("body %v", body)
	}
	s.ResetRequests()
	if _, err := api.Clusters().GetCluster(cluster.ID, containerv2.ClusterTargetHeader{}); err != nil {
		t.Fatal(err)
	}
	if n := s.Count("POST", "/identity/token"); n != 1 {
		t.Errorf("%d token requests, want 1", n)
	}
	if n := s.Count("GET", "/v2/getCluster"); n != 2 {
		t.Errorf("%d cluster requests, want the refused one and its repetition", n)
	}
}

func TestTokensExpireByTime(t *testing.T) {
	t.Parallel()
	s := start(t, fakeiks.Options{TokenLifetime: 3 * time.Second})
	token := tokenFor(t, s, adminKey)
	do(t, s, token, http.MethodGet, "/v1/clusters", "", http.StatusOK)
	eventually(t, "the token expires", func() bool {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL()+"/v1/clusters", nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Authorization", "Bearer "+token)
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		if err := response.Body.Close(); err != nil {
			t.Fatal(err)
		}
		return response.StatusCode == http.StatusUnauthorized
	})
}

func TestForeignTokensAndMissingOnes(t *testing.T) {
	t.Parallel()
	s, other := start(t, fakeiks.Options{}), start(t, fakeiks.Options{})
	foreign := tokenFor(t, other, adminKey)
	do(t, s, foreign, http.MethodGet, "/v1/clusters", "", http.StatusUnauthorized)
	do(t, s, "rubbish", http.MethodGet, "/v1/clusters", "", http.StatusUnauthorized)
	body := object(t, do(t, s, "", http.MethodGet, "/v1/clusters", "", http.StatusUnauthorized))
	if !strings.Contains(text(t, body["description"]), "You must specify an IAM token as an Authorization header") {
		t.Errorf("description %v", body["description"])
	}
}
