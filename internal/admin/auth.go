package admin

import (
	"context"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/queue"
)

const (
	settingCredential = "admin.credential"
	// AdminUser is the name of the first user.
	AdminUser = "admin"
	// kdfRounds is the cost of PBKDF2-HMAC-SHA-256: about a third of a second on a slow core.
	kdfRounds = 600_000
	// MinPassword is the shortest password SetCredential takes. Unit: characters.
	MinPassword = 12
)

// credential is what is stored of a password.
type credential struct {
	User   string `json:"user"`
	KDF    string `json:"kdf"` // "pbkdf2-sha256"
	Rounds int    `json:"rounds"`
	Salt   []byte `json:"salt"`
	Hash   []byte `json:"hash"`
}

func newCredential(user, password string, rounds int) (credential, error) {
	c := credential{User: user, KDF: "pbkdf2-sha256", Rounds: rounds, Salt: make([]byte, 16)}
	rand.Read(c.Salt)
	var err error
	c.Hash, err = pbkdf2.Key(sha256.New, password, c.Salt, rounds, 32)
	return c, err
}

// matches takes the same time whether user or password is wrong.
func (c credential) matches(user, password string) bool {
	if c.KDF != "pbkdf2-sha256" || c.Rounds < 1 {
		return false
	}
	h, err := pbkdf2.Key(sha256.New, password, c.Salt, c.Rounds, 32)
	if err != nil {
		return false
	}
	return subtle.ConstantTimeCompare(h, c.Hash)&subtle.ConstantTimeCompare([]byte(user), []byte(c.User)) == 1
}

// EnsureCredential makes the first credential when the store has none and returns it once, to be
// printed; only its salted hash is kept. When there is one already, password is "" and created false.
func (s *Server) EnsureCredential(ctx context.Context) (user, password string, created bool, err error) {
	c, err := s.credential(ctx)
	if err != nil {
		return "", "", false, err
	}
	if c != nil {
		return c.User, "", false, nil
	}
	raw := make([]byte, 15)
	rand.Read(raw)
	password = base64.RawURLEncoding.EncodeToString(raw)
	if err := s.writeCredential(ctx, AdminUser, password, true); err != nil {
		if errors.Is(err, queue.ErrCounter) { // another gateway was first
			return AdminUser, "", false, nil
		}
		return "", "", false, err
	}
	return AdminUser, password, true, nil
}

// SetCredential replaces the credential and ends all sessions.
func (s *Server) SetCredential(ctx context.Context, user, password string) error {
	if user == "" || len(password) < MinPassword {
		return &samvirke.Fault{Class: samvirke.Invalid, Code: "weak-password",
			Safe: fmt.Sprintf("a user name and a password of at least %d characters are needed", MinPassword)}
	}
	if err := s.writeCredential(ctx, user, password, false); err != nil {
		return err
	}
	s.sessions.endAll()
	s.guard.forget()
	return nil
}

func (s *Server) writeCredential(ctx context.Context, user, password string, first bool) error {
	c, err := newCredential(user, password, kdfRounds)
	if err != nil {
		return fmt.Errorf("hash password: %w", err)
	}
	text, err := json.Marshal(c)
	if err != nil {
		return fmt.Errorf("encode credential: %w", err)
	}
	u := &queue.Unit{
		Now:      s.now().UTC(),
		Settings: map[string]string{settingCredential: string(text)},
		Audit:    []samvirke.Audit{{At: s.now().UTC(), Who: "gateway", Action: "set-credential", Object: user}},
	}
	if first {
		u.Counters = []queue.CounterStep{{Name: settingCredential}}
	}
	if _, err = s.store.Commit(ctx, u); err != nil {
		return fmt.Errorf("store credential: %w", err)
	}
	return nil
}

// credential reads the stored credential; nil when there is none.
func (s *Server) credential(ctx context.Context) (*credential, error) {
	text, err := s.store.Setting(ctx, settingCredential)
	if err != nil {
		return nil, fmt.Errorf("read credential: %w", err)
	}
	if text == "" {
		return nil, nil
	}
	var c credential
	if err := json.Unmarshal([]byte(text), &c); err != nil {
		return nil, fmt.Errorf("read credential: %w", err)
	}
	return &c, nil
}
