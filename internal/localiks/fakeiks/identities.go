package fakeiks

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strings"
)

// Identity is a user or a trusted profile.
type Identity struct {
	IAMID string // "IBMid-…" or "iam-Profile-…"
	// Email is the user's; a trusted profile has none.
	Email   string
	Role    Role
	Profile bool
}

// User is the Kubernetes user name of the identity: "IAM#" and the e-mail
// address or, for a trusted profile, its IAM ID without "iam-".
func (i Identity) User() string {
	if i.Profile {
		return "IAM#" + strings.TrimPrefix(i.IAMID, "iam-")
	}
	return "IAM#" + i.Email
}

// AddAPIKey registers the API key of a user with that role on all clusters.
// The same key always belongs to the same user; adding it again changes the
// role, also for tokens that are out already.
func (s *Server) AddAPIKey(key string, role Role) Identity {
	sum := sha256.Sum256([]byte(key))
	number := binary.BigEndian.Uint32(sum[:4])
	identity := &Identity{
		IAMID: fmt.Sprintf("IBMid-55%08X", number),
		Email: fmt.Sprintf("user-%08x@example.com", number),
		Role:  role,
	}
	s.iam.mu.Lock()
	defer s.iam.mu.Unlock()
	s.iam.keys[key] = identity.IAMID
	s.iam.identities[identity.IAMID] = identity
	return *identity
}

// RemoveAPIKey makes a key unknown. Tokens that were issued for it stay good.
func (s *Server) RemoveAPIKey(key string) {
	s.iam.mu.Lock()
	defer s.iam.mu.Unlock()
	delete(s.iam.keys, key)
}

// AddTrustedProfile registers a trusted profile, "Profile-<uuid>", that any
// known user may assume, with its own role.
func (s *Server) AddTrustedProfile(id string, role Role) Identity {
	identity := &Identity{IAMID: "iam-" + id, Role: role, Profile: true}
	s.iam.mu.Lock()
	defer s.iam.mu.Unlock()
	s.iam.identities[identity.IAMID] = identity
	return *identity
}

// ExpireTokens ends the life of all access tokens and id-tokens that are out.
// Refresh tokens and API keys stay good.
func (s *Server) ExpireTokens() {
	s.iam.mu.Lock()
	defer s.iam.mu.Unlock()
	clear(s.iam.issued)
}

// RevokeRefreshTokens makes all refresh tokens that are out useless.
func (s *Server) RevokeRefreshTokens() {
	s.iam.mu.Lock()
	defer s.iam.mu.Unlock()
	clear(s.iam.refresh)
}

// secret is a random opaque token.
func secret(bytes int) string {
	raw := make([]byte, bytes)
	fill(raw)
	return hex.EncodeToString(raw)
}
