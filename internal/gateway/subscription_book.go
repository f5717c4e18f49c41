package gateway

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/samvirke/samvirke/queue"
)

// book keeps the subscriptions of parties in memory. The store has them too, and every unit that counts on one raises
// its turn there: what is here is never trusted further than that.
type book struct {
	any     atomic.Bool // nearly no message looks at anything else
	mu      sync.RWMutex
	byID    map[string]*subscriber
	byParty map[string][]*subscriber
	// held are the events of units that are on their way to the store.
	held sync.Map // *queue.Unit -> []hit
}

// subscriber is one subscription. Whoever numbers an event or changes the subscription holds mu from before the
// numbers are read until the unit is stored: so numbers are given once, and nobody computes a unit that must lose.
type subscriber struct {
	id, party string
	state     atomic.Pointer[Subscription] // never changed, only replaced, with mu held
	mu        sync.Mutex
	turn      int64
	last      int64
	page      []SubscriptionEvent // of the newest event
	stale     bool                // the store may know better
}

// load reads all subscriptions.
func (b *book) load(ctx context.Context, store queue.Reader) error {
	b.byID, b.byParty = map[string]*subscriber{}, map[string][]*subscriber{}
	after := ""
	for {
		list, err := store.Settings(ctx, ownPrefix, after, queue.MaxPage)
		if err != nil {
			return fmt.Errorf("read subscriptions: %w", err)
		}
		for _, x := range list {
			after = x.Name
			if x.Value == "" {
				continue // removed
			}
			s := &subscriber{id: strings.TrimPrefix(x.Name, ownPrefix)}
			if err := s.reload(ctx, store); err != nil {
				return err
			}
			s.party = s.state.Load().Party
			b.put(s)
		}
		if len(list) < queue.MaxPage {
			return nil
		}
	}
}

// reload reads a subscription anew; mu is held. The turn is read first: what changes after that makes the commit lose.
func (s *subscriber) reload(ctx context.Context, store queue.Reader) (err error) {
	if s.turn, err = store.Counter(ctx, turnCounter(s.id)); err != nil {
		return fmt.Errorf("read turn of a subscription: %w", err)
	}
	text, err := store.Setting(ctx, ownSetting(s.id))
	if err != nil {
		return fmt.Errorf("read subscription: %w", err)
	}
	if text == "" {
		return queue.ErrNotFound
	}
	st := &Subscription{}
	if err := json.Unmarshal([]byte(text), st); err != nil {
		return fmt.Errorf("read subscription: %w", err)
	}
	if s.last, err = store.Counter(ctx, EventCounter(s.id)); err != nil {
		return fmt.Errorf("read event number: %w", err)
	}
	if s.page, err = readPage(ctx, store, s.id, pageOf(s.last)); err != nil {
		return err
	}
	s.state.Store(st)
	s.stale = false
	return nil
}

// readPage reads one page of events; empty when it is not kept.
func readPage(ctx context.Context, store queue.Reader, id string, page int64) ([]SubscriptionEvent, error) {
	if page < 0 {
		return nil, nil
	}
	text, err := store.Setting(ctx, pageSetting(id, page))
	if err != nil || text == "" {
		return nil, err
	}
	var out []SubscriptionEvent
	if err := json.Unmarshal([]byte(text), &out); err != nil {
		return nil, fmt.Errorf("read events of a subscription: %w", err)
	}
	return out, nil
}

// lock waits for a subscription's turn and sees that what is known of it is what the store has.
func (s *subscriber) lock(ctx context.Context, store queue.Reader) error {
	s.mu.Lock()
	if !s.stale {
		return nil
	}
	if err := s.reload(ctx, store); err != nil {
		s.mu.Unlock()
		return err
	}
	return nil
}

// commit stores a unit that changes one subscription, with what else is in it; mu is held.
func (s *subscriber) commit(ctx context.Context, store queue.Writer, u *queue.Unit, next *Subscription) error {
	note(u, ownSetting(s.id), string(mustJSON(next)))
	u.Counters = append(u.Counters, queue.CounterStep{Name: turnCounter(s.id), Expect: s.turn})
	if _, err := store.Commit(context.WithoutCancel(ctx), u); err != nil {
		s.stale = true
		return err
	}
	s.turn++
	s.state.Store(next)
	return nil
}

func (b *book) put(s *subscriber) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.byID[s.id] = s
	b.byParty[s.party] = append(b.byParty[s.party], s)
	b.any.Store(true)
}

func (b *book) remove(s *subscriber) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.byID, s.id)
	b.byParty[s.party] = slices.DeleteFunc(slices.Clone(b.byParty[s.party]), func(x *subscriber) bool { return x == s })
}

// of gives the subscriptions of a party, oldest first.
func (b *book) of(party string) []*subscriber {
	if !b.any.Load() {
		return nil
	}
	b.mu.RLock()
	defer b.mu.RUnlock()
	return slices.Clone(b.byParty[party])
}

// find gives a subscription; nil when there is none.
func (b *book) find(id string) *subscriber {
	if !b.any.Load() {
		return nil
	}
	b.mu.RLock()
	defer b.mu.RUnlock()
	return b.byID[id]
}

// all gives every subscription, by id.
func (b *book) all() []*subscriber {
	b.mu.RLock()
	defer b.mu.RUnlock()
	out := make([]*subscriber, 0, len(b.byID))
	for _, s := range b.byID {
		out = append(out, s)
	}
	slices.SortFunc(out, func(x, y *subscriber) int { return cmp.Compare(x.id, y.id) })
	return out
}

// snapshot is the subscription with its newest number.
func (s *subscriber) snapshot() Subscription {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := *s.state.Load()
	out.Last = s.last
	return out
}

// lastOut is when the subscriber was last told something; mu is held.
func (s *subscriber) lastOut() time.Time {
	st := s.state.Load()
	at := st.Updated
	if st.Beat.After(at) {
		at = st.Beat
	}
	if n := len(s.page); n > 0 && s.page[n-1].At.After(at) {
		at = s.page[n-1].At
	}
	return at
}

// SubscriptionOf gives a party's own subscription; queue.ErrNotFound for any other.
func (g *Gateway) SubscriptionOf(ctx context.Context, party, id string) (Subscription, error) {
	if s := g.book.find(id); s != nil {
		if s.party != party {
			return Subscription{}, queue.ErrNotFound
		}
		return s.snapshot(), nil
	}
	text, err := g.store.Setting(ctx, SubscriptionSetting(id))
	if err != nil {
		return Subscription{}, err
	}
	owner, patient, ok := strings.Cut(text, "\x1f")
	if !ok || owner != party || g.SubscriptionID(party, patient) != id {
		return Subscription{}, queue.ErrNotFound
	}
	return g.automatic(ctx, party, patient)
}

// automatic is the subscription that the configuration makes for a party and a plan.
func (g *Gateway) automatic(ctx context.Context, party, patient string) (Subscription, error) {
	out := Subscription{
		ID: g.SubscriptionID(party, patient), Party: party, Status: SubscriptionActive, Automatic: true, Patient: patient,
		SubscriptionWish: SubscriptionWish{Topic: TopicPlanChanged, Content: ContentIDOnly, Reason: "Made by the configuration of the gateway", Plans: []string{g.PlanID(patient)}},
	}
	if l := g.parties[party]; l != nil {
		out.Endpoint = l.Endpoint
		if l.FullPayload {
			out.Content = ContentFull
		}
	}
	var err error
	out.Last, err = g.store.Counter(ctx, NoticeCounter(party, patient))
	return out, err
}

// maxAutomatic bounds how many settings are looked at for the subscriptions that the configuration makes.
const maxAutomatic = 20000

// SubscriptionsOf lists a party's own subscriptions: those it made, oldest first, and then those that the
// configuration makes, as far as the first 20,000 of all parties go.
func (g *Gateway) SubscriptionsOf(ctx context.Context, party string) ([]Subscription, error) {
	var out []Subscription
	for _, s := range g.book.of(party) {
		out = append(out, s.snapshot())
	}
	after := ""
	for seen := 0; seen < maxAutomatic; {
		list, err := g.store.Settings(ctx, SubscriptionSetting(""), after, queue.MaxPage)
		if err != nil {
			return nil, err
		}
		for _, x := range list {
			after = x.Name
			patient, own := strings.CutPrefix(x.Value, party+"\x1f")
			if !own || SubscriptionSetting(g.SubscriptionID(party, patient)) != x.Name {
				continue
			}
			a, err := g.automatic(ctx, party, patient)
			if err != nil {
				return nil, err
			}
			out = append(out, a)
		}
		if seen += len(list); len(list) < queue.MaxPage {
			break
		}
	}
	return out, nil
}

// SubscriptionEvents gives the events of a subscription from one number to another, both included, at most limit, as
// far as they are kept.
func (g *Gateway) SubscriptionEvents(ctx context.Context, s *Subscription, since, until int64, limit int) ([]SubscriptionEvent, error) {
	until = min(until, s.Last)
	var out []SubscriptionEvent
	if s.Automatic {
		plan := g.PlanID(s.Patient)
		for n := since; n <= until && len(out) < limit && n-since < int64(maxLost+limit); n++ {
			d, err := g.store.FindDelivery(ctx, s.Party, fmt.Sprintf("%s-%d", s.ID, n))
			if errors.Is(err, queue.ErrNotFound) {
				continue // no longer kept
			}
			if d, err = withoutBody(d, err); err != nil {
				return nil, err
			}
			out = append(out, SubscriptionEvent{Number: n, At: d.CreatedAt, Plan: plan})
		}
		return out, nil
	}
	for page := max(pageOf(since), s.Kept); since <= until && page <= pageOf(until) && len(out) < limit; page++ {
		list, err := readPage(ctx, g.store, s.ID, page)
		if err != nil {
			return nil, err
		}
		for _, e := range list {
			if e.Number >= since && e.Number <= until && len(out) < limit {
				out = append(out, e)
			}
		}
	}
	return out, nil
}

// maxLost is how many numbers without a delivery are passed over in one answer.
const maxLost = 5000
