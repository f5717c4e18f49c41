package sealed

import (
	"bytes"
	"context"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/samvirke/samvirke/queue"
)

// maxPersons bounds the persons whose keys are kept in memory, about 1.5 KB each.
const maxPersons = 4096

// person is one person's key and what the token stands for.
type person struct {
	patient string
	token   [16]byte
	aead    cipher.AEAD
}

// persons are the persons of a store, the newest of them in memory.
type persons struct {
	keys   *keys
	read   queue.Reader
	commit func(context.Context, *queue.Unit) (queue.Outcome, error) // nil: for reading only

	mu      sync.Mutex
	byToken map[string]*person
	// making keeps two units from making a key each for one new person.
	making sync.Mutex
}

func (p *persons) known(token string) *person {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.byToken[token]
}

func (p *persons) keep(token string, x *person) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.byToken == nil {
		p.byToken = map[string]*person{}
	}
	if len(p.byToken) >= maxPersons {
		drop := false
		for t := range p.byToken { // about half, in no order
			if drop = !drop; drop {
				delete(p.byToken, t)
			}
		}
	}
	p.byToken[token] = x
}

func (p *persons) forget(token string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.byToken, token)
}

// find gives the person of a token, nil when there is none: erased, or never seen.
func (p *persons) find(ctx context.Context, token string) (*person, error) {
	if x := p.known(token); x != nil {
		return x, nil
	}
	row, err := p.read.Setting(ctx, personPrefix+token)
	if err != nil || row == "" {
		return nil, err
	}
	x, err := p.open(token, row)
	if err == nil {
		p.keep(token, x)
	}
	return x, err
}

// of gives the person of a patient key and makes the key of a new one: that is committed before anything sealed under
// it, and the counter lets only one of several gateways do it.
func (p *persons) of(ctx context.Context, patient string) (*person, error) {
	token := p.keys.tokenOf(patient)
	if x := p.known(token); x != nil {
		return x, nil
	}
	p.making.Lock()
	x, err := p.find(ctx, token)
	p.making.Unlock()
	if x != nil || err != nil {
		return x, err
	}
	var key [KeySize]byte
	_, _ = rand.Read(key[:]) // never fails (crypto/rand)
	plain := append(key[:len(key):len(key)], patient...)
	row := base64.StdEncoding.EncodeToString(seal(nil, p.keys.wrap, plain, []byte(token)))
	_, err = p.commit(ctx, &queue.Unit{Now: time.Now().UTC(), Settings: map[string]string{personPrefix + token: row},
		Counters: []queue.CounterStep{{Name: personPrefix + token}}})
	if err != nil && !errors.Is(err, queue.ErrCounter) {
		return nil, fmt.Errorf("store the key of a person: %w", err)
	}
	x, err = p.find(ctx, token)
	if err == nil && x == nil {
		err = fmt.Errorf("the key of a person is not there: %w", queue.ErrDamaged)
	}
	return x, err
}

func (p *persons) open(token, row string) (*person, error) {
	raw, err := base64.StdEncoding.DecodeString(row)
	if err != nil {
		return nil, fmt.Errorf("the key of a person cannot be read: %w", queue.ErrDamaged)
	}
	plain, err := unseal(p.keys.wrap, raw, []byte(token))
	if err != nil || len(plain) < KeySize || len(token) != tokenLen {
		return nil, fmt.Errorf("the key of a person does not open: %w", queue.ErrDamaged)
	}
	x := &person{patient: string(plain[KeySize:]), aead: newAEAD(plain[:KeySize])}
	_, err = hex.Decode(x.token[:], []byte(token[1:]))
	return x, err
}

// patient gives the patient key of a token, "" when the person was erased.
func (p *persons) patient(ctx context.Context, token string) (string, error) {
	if token == "" {
		return "", nil
	}
	x, err := p.find(ctx, token)
	if x == nil || err != nil {
		return "", err
	}
	return x.patient, nil
}

// seal seals a body under the key of a patient, or one of its own when there is none. nil and empty stay as they are.
func (p *persons) seal(ctx context.Context, patient string, body []byte) ([]byte, error) {
	if len(body) == 0 {
		return body, nil
	}
	if patient == "" {
		return p.keys.sealSingle(body), nil
	}
	x, err := p.of(ctx, patient)
	if err != nil {
		return nil, err
	}
	out := make([]byte, 0, len(markPerson)+16+len(body)+28)
	out = append(append(out, markPerson...), x.token[:]...)
	return seal(out, x.aead, body, x.token[:]), nil
}

// unseal is the way back. A body tells itself what it is sealed under.
func (p *persons) unseal(ctx context.Context, body []byte) ([]byte, error) {
	switch {
	case len(body) == 0:
		return body, nil
	case bytes.HasPrefix(body, markSingle):
		return p.keys.openSingle(body)
	case !bytes.HasPrefix(body, markPerson) || len(body) < len(markPerson)+16:
		return nil, fmt.Errorf("content is not sealed: %w", queue.ErrDamaged)
	}
	rest := body[len(markPerson):]
	x, err := p.find(ctx, tokenMark+hex.EncodeToString(rest[:16]))
	if err != nil {
		return nil, err
	}
	if x == nil {
		return nil, fmt.Errorf("the key of this content was destroyed: %w", queue.ErrDamaged)
	}
	return unseal(x.aead, rest[16:], x.token[:])
}
