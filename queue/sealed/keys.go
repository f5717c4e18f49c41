package sealed

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/samvirke/samvirke/queue"
)

// KeySize is the size of a master key in bytes.
const KeySize = 32

// MasterKey is a key from outside the store.
type MasterKey struct {
	// ID names it in the store, so that the right one is tried: 1 to 40 characters, no space.
	ID  string
	Key [KeySize]byte
}

// ParseKey reads a master key: 32 bytes as they are, as 64 hex digits, or as base64. The error never repeats it.
func ParseKey(id, text string) (k MasterKey, err error) {
	k.ID = id
	if id == "" || len(id) > 40 || strings.ContainsAny(id, " :\n\t") {
		return k, errors.New("the id of the master key is 1 to 40 characters without space and colon")
	}
	raw := []byte(text)
	if len(raw) != KeySize {
		trimmed := strings.TrimSpace(text)
		if raw, err = hex.DecodeString(trimmed); err != nil || len(raw) != KeySize {
			raw, err = base64.StdEncoding.DecodeString(trimmed)
		}
	}
	if err != nil || len(raw) != KeySize {
		return k, fmt.Errorf("the master key %s is not 32 bytes, 64 hex digits or base64 of 32 bytes", id)
	}
	copy(k.Key[:], raw)
	return k, nil
}

// Names of settings that belong to this package.
const (
	ownPrefix    = "sealed/"
	settingRoot  = ownPrefix + "root"
	personPrefix = ownPrefix + "person/"
)

// keys are what comes from the root of a store.
type keys struct {
	token []byte
	wrap  cipher.AEAD // seals keys of persons and of single bodies
	store cipher.AEAD // seals settings
}

func newAEAD(key []byte) cipher.AEAD {
	block, err := aes.NewCipher(key)
	if err != nil {
		panic(err) // our keys have 32 bytes
	}
	a, err := cipher.NewGCM(block)
	if err != nil {
		panic(err)
	}
	return a
}

func keysOf(root []byte) (k keys, err error) {
	derive := func(what string) []byte {
		b, e := hkdf.Key(sha256.New, root, nil, "samvirke/sealed/1/"+what, KeySize)
		err = errors.Join(err, e)
		return b
	}
	token, wrap, store := derive("token"), derive("wrap"), derive("store")
	if err != nil {
		return k, err
	}
	return keys{token: token, wrap: newAEAD(wrap), store: newAEAD(store)}, nil
}

// seal encrypts with a random nonce in front. about is bound to it: what is moved to another place does not open.
func seal(dst []byte, a cipher.AEAD, plain, about []byte) []byte {
	at := len(dst)
	dst = append(dst, make([]byte, a.NonceSize())...)
	_, _ = rand.Read(dst[at:]) // never fails (crypto/rand)
	return a.Seal(dst, dst[at:], plain, about)
}

func unseal(a cipher.AEAD, sealed, about []byte) ([]byte, error) {
	n := a.NonceSize()
	if len(sealed) < n+a.Overhead() {
		return nil, fmt.Errorf("sealed content is cut short: %w", queue.ErrDamaged)
	}
	plain, err := a.Open(make([]byte, 0, len(sealed)-n-a.Overhead()), sealed[:n], sealed[n:], about)
	if err != nil {
		return nil, fmt.Errorf("sealed content does not open: %w", queue.ErrDamaged)
	}
	return plain, nil
}

// token replaces a patient key: it begins with a mark that no patient key begins with.
func (k *keys) tokenOf(patient string) string {
	if patient == "" {
		return ""
	}
	return tokenMark + hex.EncodeToString(k.mac("patient", patient))
}

const (
	tokenMark = "~"
	tokenLen  = 1 + 32
)

func (k *keys) mac(kind, text string) []byte {
	h := hmac.New(sha256.New, k.token)
	h.Write([]byte(kind))
	h.Write([]byte{0})
	h.Write([]byte(text))
	return h.Sum(nil)[:16]
}

// counterName hides what a counter counts: some are of one party and one patient.
func (k *keys) counterName(name string) string {
	return ownPrefix + "counter/" + hex.EncodeToString(k.mac("counter", name))
}

// rooted opens the root of a store with one of the keys given, the first of which is the one in use. wrapped is "" for a store that was never sealed.
func rooted(wrapped string, masters []MasterKey) (root []byte, by string, err error) {
	id, text, ok := strings.Cut(wrapped, ":")
	raw, derr := base64.StdEncoding.DecodeString(text)
	if !ok || derr != nil {
		return nil, "", fmt.Errorf("the root key of the store cannot be read: %w", queue.ErrDamaged)
	}
	for i := range masters {
		if masters[i].ID == id {
			if root, err = unseal(newAEAD(masters[i].Key[:]), raw, []byte(settingRoot+id)); err != nil {
				return nil, "", fmt.Errorf("master key %s: %w", id, queue.ErrMasterKey)
			}
			return root, id, nil
		}
	}
	return nil, "", fmt.Errorf("the store is sealed under master key %s, which is not given: %w", id, queue.ErrMasterKey)
}

func wrapRoot(root []byte, m *MasterKey) string {
	return m.ID + ":" + base64.StdEncoding.EncodeToString(seal(nil, newAEAD(m.Key[:]), root, []byte(settingRoot+m.ID)))
}

// loadKeys reads the keys of a store.
func loadKeys(ctx context.Context, r queue.Reader, masters []MasterKey) (k keys, by string, err error) {
	wrapped, err := r.Setting(ctx, settingRoot)
	if err != nil || wrapped == "" {
		return k, "", err
	}
	root, by, err := rooted(wrapped, masters)
	if err != nil {
		return k, "", err
	}
	k, err = keysOf(root)
	return k, by, err
}

// openKeys reads the keys of a store, makes them for a new one, and seals the root anew when the master key has changed.
func openKeys(ctx context.Context, s queue.Store, masters []MasterKey) (keys, error) {
	wrapped, err := s.Setting(ctx, settingRoot)
	if err != nil {
		return keys{}, err
	}
	root, by := make([]byte, KeySize), ""
	if wrapped == "" {
		if err := mustBeEmpty(ctx, s); err != nil {
			return keys{}, err
		}
		_, _ = rand.Read(root) // never fails (crypto/rand)
	} else if root, by, err = rooted(wrapped, masters); err != nil {
		return keys{}, err
	}
	if by != masters[0].ID {
		u := &queue.Unit{Now: time.Now().UTC(), Settings: map[string]string{settingRoot: wrapRoot(root, &masters[0])}}
		if wrapped == "" {
			u.Counters = []queue.CounterStep{{Name: settingRoot}} // of two gateways one makes it
		}
		if _, err := s.Commit(ctx, u); err != nil {
			return keys{}, fmt.Errorf("store the root key: %w", err)
		}
	}
	return keysOf(root)
}

// mustBeEmpty refuses to seal a store that has content: what was written before would stay readable.
func mustBeEmpty(ctx context.Context, s queue.Store) error {
	st, err := s.Stats(ctx)
	if err != nil {
		return err
	}
	settings, err := s.Settings(ctx, "", "", 1)
	if err != nil {
		return err
	}
	if st.Accepted > 0 || len(settings) > 0 {
		return fmt.Errorf("the store was begun without encryption, and what is in it would stay readable: begin a new one: %w", queue.ErrMasterKey)
	}
	return nil
}

// MustBePlain refuses a store that is sealed; for those who have no master key.
func MustBePlain(ctx context.Context, r queue.Reader) error {
	wrapped, err := r.Setting(ctx, settingRoot)
	if err != nil {
		return err
	}
	if wrapped != "" {
		id, _, _ := strings.Cut(wrapped, ":")
		return fmt.Errorf("the store is sealed under master key %s and none is configured: %w", id, queue.ErrMasterKey)
	}
	return nil
}

// Sealed bodies begin with a mark and what they are sealed under.
var (
	markPerson = []byte("SVS\x01p") // then the token of the person, 16 bytes
	markSingle = []byte("SVS\x01s") // then a key of its own, sealed under wrap, 60 bytes
)

const singleKey = KeySize + 12 + 16

// sealSingle seals under a key of its own.
func (k *keys) sealSingle(plain []byte) []byte {
	var key [KeySize]byte
	_, _ = rand.Read(key[:]) // never fails (crypto/rand)
	out := make([]byte, 0, len(markSingle)+singleKey+len(plain)+28)
	out = append(out, markSingle...)
	out = seal(out, k.wrap, key[:], markSingle)
	return seal(out, newAEAD(key[:]), plain, nil)
}

func (k *keys) openSingle(sealed []byte) ([]byte, error) {
	rest := bytes.TrimPrefix(sealed, markSingle)
	if len(rest) < singleKey {
		return nil, fmt.Errorf("sealed content is cut short: %w", queue.ErrDamaged)
	}
	key, err := unseal(k.wrap, rest[:singleKey], markSingle)
	if err != nil {
		return nil, err
	}
	return unseal(newAEAD(key), rest[singleKey:], nil)
}

// sealText and openText are for settings; name binds a value to its place.
func (k *keys) sealText(name, value string) string {
	return base64.StdEncoding.EncodeToString(seal(nil, k.store, []byte(value), []byte(name)))
}

func (k *keys) openText(name, value string) (string, error) {
	if value == "" {
		return "", nil
	}
	raw, err := base64.StdEncoding.DecodeString(value)
	if err != nil {
		return "", fmt.Errorf("setting is not sealed: %w", queue.ErrDamaged)
	}
	plain, err := unseal(k.store, raw, []byte(name))
	return string(plain), err
}
