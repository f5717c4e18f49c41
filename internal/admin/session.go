package admin

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"sync"
	"sync/atomic"
	"time"
)

// session is one signed-in browser. Sessions live in memory: a restart asks for sign-in again.
type session struct {
	user    string
	csrf    string
	expires time.Time
	// may is what the person may do, read anew for each request; nil for nothing.
	may atomic.Pointer[standing]

	mu    sync.Mutex
	flash string          // shown once on the next page
	read  map[string]bool // what this session has opened, so that live refreshes are not audited again
}

// maxSessions bounds the memory of sessions; the oldest goes first.
const maxSessions = 1000

// maxRemembered bounds what one session remembers of its reads.
const maxRemembered = 1000

func (x *session) setFlash(text string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.flash = text
}

func (x *session) takeFlash() string {
	x.mu.Lock()
	defer x.mu.Unlock()
	f := x.flash
	x.flash = ""
	return f
}

// remember notes that something was read, and that the audit has it.
func (x *session) remember(key string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.read == nil || len(x.read) >= maxRemembered {
		x.read = make(map[string]bool)
	}
	x.read[key] = true
}

func (x *session) remembers(key string) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.read[key]
}

// sessions holds them by the hash of their token, so that a memory dump gives no valid cookie.
type sessions struct {
	now  func() time.Time
	last time.Duration
	mu   sync.Mutex
	byID map[[32]byte]*session
}

func newSessions(now func() time.Time, last time.Duration) *sessions {
	return &sessions{now: now, last: last, byID: make(map[[32]byte]*session)}
}

func (s *sessions) start(user string) (token string, x *session) {
	token = randomToken()
	x = &session{user: user, csrf: randomToken(), expires: s.now().Add(s.last)}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.byID) >= maxSessions {
		s.dropOne()
	}
	s.byID[sha256.Sum256([]byte(token))] = x
	return token, x
}

// dropOne removes every expired session, or the one that ends first. The caller holds mu.
func (s *sessions) dropOne() {
	now := s.now()
	var oldest [32]byte
	var at time.Time
	for id, x := range s.byID {
		if x.expires.Before(now) {
			delete(s.byID, id)
			continue
		}
		if at.IsZero() || x.expires.Before(at) {
			oldest, at = id, x.expires
		}
	}
	if len(s.byID) >= maxSessions {
		delete(s.byID, oldest)
	}
}

func (s *sessions) find(token string) *session {
	if token == "" {
		return nil
	}
	id := sha256.Sum256([]byte(token))
	s.mu.Lock()
	defer s.mu.Unlock()
	x := s.byID[id]
	if x != nil && s.now().After(x.expires) {
		delete(s.byID, id)
		return nil
	}
	return x
}

func (s *sessions) end(token string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.byID, sha256.Sum256([]byte(token)))
}

// endOf ends every session of one user.
func (s *sessions) endOf(user string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, x := range s.byID {
		if x.user == user {
			delete(s.byID, id)
		}
	}
}

func (s *sessions) endAll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.byID)
}

func randomToken() string {
	b := make([]byte, 24)
	rand.Read(b)
	return base64.RawURLEncoding.EncodeToString(b)
}

func sameToken(a, b string) bool {
	return a != "" && subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1
}

// Limits of sign-in failures.
const (
	// failuresPerAddress is how many failures one address has before it must wait.
	failuresPerAddress = 5
	// failuresInAll is the same for all addresses together.
	failuresInAll = 50
	// failureWindow is how long a failure counts.
	failureWindow = 5 * time.Minute
	// maxAddresses bounds the memory of failures.
	maxAddresses = 10_000
)

// guard slows down guessing and keeps the costly hash from being used to wear the machine out.
type guard struct {
	now   func() time.Time
	slots chan struct{} // how many hashes run at once
	mu    sync.Mutex
	byIP  map[string][]time.Time
	all   []time.Time
	// known remembers credentials of the JSON API that matched, as a keyed hash, for a short while.
	key   []byte
	known map[string]time.Time
}

func newGuard(now func() time.Time) *guard {
	g := &guard{now: now, slots: make(chan struct{}, 2), byIP: make(map[string][]time.Time),
		known: make(map[string]time.Time), key: make([]byte, 32)}
	rand.Read(g.key)
	return g
}

// wait tells how long this address must wait before it may try again; 0 = not at all.
func (g *guard) wait(ip string) time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := g.now()
	g.byIP[ip] = recent(g.byIP[ip], now)
	g.all = recent(g.all, now)
	list := g.byIP[ip]
	if len(list) == 0 {
		delete(g.byIP, ip)
	}
	switch {
	case len(list) >= failuresPerAddress:
		return list[0].Add(failureWindow).Sub(now)
	case len(g.all) >= failuresInAll:
		return g.all[0].Add(failureWindow).Sub(now)
	}
	return 0
}

func (g *guard) failed(ip string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.byIP) >= maxAddresses {
		clear(g.byIP) // the limit for all together still holds
	}
	g.byIP[ip] = append(g.byIP[ip], g.now())
	g.all = append(g.all, g.now())
}

// recall tells whether this user and password matched in the last five minutes.
func (g *guard) recall(user, password string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	until, ok := g.known[g.fingerprint(user, password)]
	return ok && g.now().Before(until)
}

func (g *guard) learn(user, password string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.known) > 100 {
		clear(g.known)
	}
	g.known[g.fingerprint(user, password)] = g.now().Add(failureWindow)
}

func (g *guard) forget() {
	g.mu.Lock()
	defer g.mu.Unlock()
	clear(g.known)
}

func (g *guard) fingerprint(user, password string) string {
	h := hmac.New(sha256.New, g.key)
	h.Write([]byte(user + "\x00" + password))
	return string(h.Sum(nil))
}

func recent(list []time.Time, now time.Time) []time.Time {
	i := 0
	for i < len(list) && now.Sub(list[i]) >= failureWindow {
		i++
	}
	return list[i:]
}
