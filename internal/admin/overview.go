package admin

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/internal/gateway"
	"github.com/samvirke/samvirke/queue"
)

const settingDay = "admin.day"

// dayTotals are the store's totals at the start of a day in Oslo; today's flow is now minus these.
type dayTotals struct {
	Day       string `json:"day"`
	Accepted  int64  `json:"accepted"`
	Processed int64  `json:"processed"`
	Confirmed int64  `json:"confirmed"`
	Taken     int64  `json:"taken"`
	Refused   int64  `json:"refused"`
}

// totals are what the overview counts, taken from one reading of the store's totals.
type totals struct {
	Accepted                                                     int64
	Received, Processed, Refused, Attention, Quarantined, Closed int64
	// Deliveries by what they wait for.
	Made, Confirmed, Taken, Awaited, Waiting, Stopped, GivenUp int64
}

// NeedsAttention are the messages a person must look at.
func (t totals) NeedsAttention() int64 { return t.Attention + t.Quarantined }

// MessagesAddUp tells whether what came in equals what it became.
func (t totals) MessagesAddUp() bool {
	return t.Accepted == t.Received+t.Processed+t.Refused+t.Attention+t.Quarantined+t.Closed
}

func totalsOf(st queue.Stats) totals {
	t := totals{Accepted: st.Accepted,
		Received: st.Messages[samvirke.MessageReceived], Processed: st.Messages[samvirke.MessageProcessed],
		Refused: st.Messages[samvirke.MessageRefused], Attention: st.Messages[samvirke.MessageAttention],
		Quarantined: st.Messages[samvirke.MessageQuarantined], Closed: st.Messages[samvirke.MessageClosed]}
	for party, states := range st.Deliveries {
		for state, n := range states {
			t.Made += n
			switch state {
			case samvirke.DeliveryAcknowledged:
				t.Confirmed += n
			case samvirke.DeliverySent:
				awaited := min(st.ReceiptsAwaited[party], n)
				t.Awaited += awaited
				t.Taken += n - awaited
			case samvirke.DeliveryStopped:
				t.Stopped += n
			case samvirke.DeliveryGivenUp:
				t.GivenUp += n
			default:
				t.Waiting += n
			}
		}
	}
	return t
}

// overviewPage is the data of the overview.
type overviewPage struct {
	Today    dayTotals
	Totals   totals
	Overdue  int
	More     bool // there are more overdue than were counted
	Parties  []partyCard
	Newest   []messageRow
	DiskSize int64
}

func (s *Server) overview(w http.ResponseWriter, r *http.Request, x *session) error {
	p, err := s.overviewData(r.Context())
	if err != nil {
		return err
	}
	s.render(w, r, x, http.StatusOK, "overview", view{Title: "Overview", Section: "overview", Live: "list", Data: p})
	return nil
}

func (s *Server) overviewData(ctx context.Context) (*overviewPage, error) {
	st, err := s.store.Stats(ctx)
	if err != nil {
		return nil, fmt.Errorf("read totals: %w", err)
	}
	start, err := s.dayStart(ctx)
	if err != nil {
		return nil, err
	}
	t := totalsOf(st)
	p := &overviewPage{Totals: t, DiskSize: st.Bytes, Today: dayTotals{Day: start.Day,
		Accepted: max(0, t.Accepted-start.Accepted), Processed: max(0, t.Processed-start.Processed),
		Confirmed: max(0, t.Confirmed-start.Confirmed), Taken: max(0, t.Taken-start.Taken), Refused: max(0, t.Refused-start.Refused)}}
	late, err := s.store.Deliveries(ctx, queue.DeliveryFilter{OverdueAt: s.now().UTC(), Limit: 100})
	if err != nil {
		return nil, fmt.Errorf("read overdue receipts: %w", err)
	}
	p.Overdue, p.More = len(late), len(late) == 100
	states := s.parties(ctx)
	p.Parties = s.partyCards(states)
	list, err := s.store.Messages(ctx, queue.MessageFilter{Limit: 12})
	if err != nil {
		return nil, fmt.Errorf("read newest messages: %w", err)
	}
	p.Newest = s.messageRows(list, nameOf(states))
	return p, s.addChips(ctx, p.Newest, nameOf(states))
}

// Look is how many things wait for a person.
func (p *overviewPage) Look() int64 {
	return p.Totals.NeedsAttention() + p.Totals.Stopped + int64(p.Overdue)
}

// LookText names them by sort.
func (p *overviewPage) LookText() string {
	var parts []string
	for _, x := range []struct {
		n         int64
		one, many string
	}{{p.Totals.NeedsAttention(), "message", "messages"}, {p.Totals.Stopped, "stopped delivery", "stopped deliveries"},
		{int64(p.Overdue), "overdue receipt", "overdue receipts"}} {
		if x.n > 0 {
			parts = append(parts, plural(x.n, x.one, x.many))
		}
	}
	return strings.Join(parts, ", ")
}

// dayStart gives the totals at the start of today in Oslo; the first reading of a new day stores them.
func (s *Server) dayStart(ctx context.Context) (dayTotals, error) {
	today := s.now().In(oslo()).Format(time.DateOnly)
	text, err := s.store.Setting(ctx, settingDay)
	if err != nil {
		return dayTotals{}, fmt.Errorf("read start of day: %w", err)
	}
	var d dayTotals
	if text != "" && json.Unmarshal([]byte(text), &d) == nil && d.Day == today {
		return d, nil
	}
	st, err := s.store.Stats(ctx)
	if err != nil {
		return dayTotals{}, fmt.Errorf("read totals: %w", err)
	}
	t := totalsOf(st)
	d = dayTotals{Day: today, Accepted: t.Accepted, Processed: t.Processed, Confirmed: t.Confirmed, Taken: t.Taken, Refused: t.Refused}
	b, err := json.Marshal(d)
	if err != nil {
		return d, fmt.Errorf("encode start of day: %w", err)
	}
	_, err = s.store.Commit(ctx, &queue.Unit{Now: s.now().UTC(), Settings: map[string]string{settingDay: string(b)}})
	if err != nil {
		return d, fmt.Errorf("store start of day: %w", err)
	}
	return d, nil
}

// partyRef is a party as pages name it.
type partyRef struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	Role string `json:"role,omitempty"`
}

// nameOf gives a function from party id to party; unknown ids keep their id as name.
func nameOf(states []gateway.PartyState) func(id string) partyRef {
	byID := make(map[string]partyRef, len(states))
	for _, p := range states {
		byID[p.ID] = partyRef{ID: p.ID, Name: p.Name, Role: p.Role}
	}
	return func(id string) partyRef {
		if p, ok := byID[id]; ok && p.Name != "" {
			return p
		}
		return partyRef{ID: id, Name: id}
	}
}
