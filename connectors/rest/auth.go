package rest

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// Credential binds one secret of a party to its id. A party may have several, so that a
// token or certificate can be changed without a gap.
type Credential struct {
	// Party is the party id.
	Party string
	// TokenSHA256 is the hex SHA-256 of the bearer token (see HashToken); "" when the party has none.
	// The hash is not salted: tokens must be random, at least 128 bits.
	TokenSHA256 string
	// CertSHA256 is the hex SHA-256 of the client certificate (DER); colons and spaces are ignored.
	CertSHA256 string
}

// HashToken gives the form in which tokens are kept: lower-case hex SHA-256.
func HashToken(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}

// Parties is the table of who may call. It is immutable and safe for concurrent use.
type Parties struct {
	tokens, certs []secret
	now           func() time.Time
}

type secret struct {
	sum   [sha256.Size]byte
	party string
}

// NewParties checks and compiles the table. The same secret under two parties is an error, since
// the answer to "who is this" would depend on the order.
func NewParties(credentials []Credential) (*Parties, error) {
	p := &Parties{now: time.Now}
	var errs []error
	for i, c := range credentials {
		if c.Party == "" {
			errs = append(errs, fmt.Errorf("credential %d: no party", i+1))
			continue
		}
		if c.TokenSHA256 == "" && c.CertSHA256 == "" {
			errs = append(errs, fmt.Errorf("credential %d of %s: neither token nor certificate", i+1, c.Party))
		}
		errs = append(errs, add(&p.tokens, c.TokenSHA256, c.Party, "token"),
			add(&p.certs, c.CertSHA256, c.Party, "certificate"))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return p, nil
}

func add(to *[]secret, text, party, what string) error {
	if text == "" {
		return nil
	}
	s := secret{party: party}
	raw, err := hex.DecodeString(strings.NewReplacer(":", "", " ", "").Replace(text))
	if err != nil || len(raw) != len(s.sum) {
		return fmt.Errorf("%s of %s: want 64 hex digits (SHA-256)", what, party)
	}
	copy(s.sum[:], raw)
	for _, have := range *to {
		if have.sum == s.sum && have.party != party {
			return fmt.Errorf("%s of %s is also that of %s", what, party, have.party)
		}
	}
	*to = append(*to, s)
	return nil
}

// Party tells who sent the request: by bearer token, by client certificate, or by both when they
// agree. It never reads the body. ok is false for everybody unknown.
func (p *Parties) Party(r *http.Request) (party string, ok bool) {
	party, why := p.identify(r)
	return party, why == ""
}

// identify gives the party or why there is none: a word from a closed set.
func (p *Parties) identify(r *http.Request) (party, why string) {
	byToken, byCert := "", ""
	if h := r.Header.Values("Authorization"); len(h) > 0 {
		scheme, token, _ := strings.Cut(h[0], " ")
		if len(h) > 1 || !strings.EqualFold(scheme, "Bearer") {
			return "", "unknown-scheme"
		}
		sum := sha256.Sum256([]byte(strings.TrimSpace(token)))
		if byToken = find(p.tokens, sum); byToken == "" {
			return "", "unknown-token"
		}
	}
	if r.TLS != nil && len(r.TLS.PeerCertificates) > 0 {
		leaf := r.TLS.PeerCertificates[0]
		byCert = find(p.certs, sha256.Sum256(leaf.Raw))
		now := p.now()
		switch {
		case byCert == "" && byToken == "":
			return "", "unknown-certificate"
		case byCert != "" && (now.Before(leaf.NotBefore) || now.After(leaf.NotAfter)):
			return "", "expired-certificate"
		case byCert != "" && byToken != "" && byCert != byToken:
			return "", "token-and-certificate-differ"
		}
	}
	switch {
	case byToken != "":
		return byToken, ""
	case byCert != "":
		return byCert, ""
	}
	return "", "no-credential"
}

// find walks the whole table and compares in constant time, so that the time taken tells
// nothing about how near a guess was.
func find(table []secret, sum [sha256.Size]byte) string {
	party := ""
	for i := range table {
		if subtle.ConstantTimeCompare(table[i].sum[:], sum[:]) == 1 {
			party = table[i].party
		}
	}
	return party
}
