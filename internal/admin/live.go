package admin

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/queue"
)

const (
	// maxBacklog is how many missed events a stream hands out when it resumes; who missed more is
	// told to load the page again.
	maxBacklog = 500
	// liveBuffer is how many events a slow reader may be behind.
	liveBuffer = 256
	// heartbeat keeps proxies from closing a quiet stream.
	heartbeat = 15 * time.Second
	// writeLimit is how long one event may take to be written before the stream is ended.
	writeLimit = 10 * time.Second
	// burst is how many events of one moment are told one by one on a page of lists; of more only
	// the newest is, because such a page is loaded again as a whole anyway.
	burst = 16
	// pace is the shortest time between two bursts to a page of lists.
	pace = 200 * time.Millisecond
)

// liveEvent is what the stream tells of an event: nothing about a patient.
type liveEvent struct {
	Seq        int64              `json:"seq"`
	At         time.Time          `json:"at"`
	Name       samvirke.EventName `json:"name"`
	MessageID  string             `json:"message_id,omitempty"`
	DeliveryID string             `json:"delivery_id,omitempty"`
	Party      string             `json:"party,omitempty"`
	Text       string             `json:"text"`
	// Skipped is how many events before this one were not told; 0 when none.
	Skipped int64 `json:"skipped,omitempty"`
}

// liveFilter limits a stream to one message or one person; zero lets all through.
type liveFilter struct{ message, patient string }

func (f liveFilter) wants(e samvirke.Event) bool {
	return (f.message == "" || e.MessageID == f.message) &&
		(f.patient == "" || e.Patient == f.patient && e.Name == samvirke.EventPlanChanged)
}

// live streams events as they are committed. A reader that comes back names the last event it has
// seen (Last-Event-ID) and gets what it missed; the stream never skips without saying so: by
// "skipped" in a burst on a page of lists, by the event "reset" otherwise.
func (s *Server) live(w http.ResponseWriter, r *http.Request) {
	x := s.sessions.find(s.cookie(r))
	switch is, err := s.stand(r, x); {
	case err != nil:
		http.Error(w, "try again", http.StatusServiceUnavailable)
		return
	case !is:
		http.Error(w, "sign in first", http.StatusUnauthorized)
		return
	case x.may.Load().bound():
		http.Error(w, errBound.Safe, http.StatusForbidden)
		return
	}
	select {
	case s.streams <- struct{}{}:
		defer func() { <-s.streams }()
	default:
		w.Header().Set("Retry-After", "30")
		http.Error(w, "too many live pages are open", http.StatusServiceUnavailable)
		return
	}
	filter, ok := s.liveFilter(r)
	if !ok {
		http.Error(w, "unknown page", http.StatusBadRequest)
		return
	}
	st := &stream{s: s, w: w, rc: http.NewResponseController(w), filter: filter}
	st.last, _ = strconv.ParseInt(or(r.Header.Get("Last-Event-ID"), r.URL.Query().Get("after")), 10, 64)
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("X-Accel-Buffering", "no")
	w.WriteHeader(http.StatusOK)
	st.run(r)
}

func (s *Server) liveFilter(r *http.Request) (f liveFilter, ok bool) {
	page := r.URL.Query().Get("page")
	if id, is := strings.CutPrefix(page, "message:"); is {
		return liveFilter{message: id}, id != ""
	}
	if id, is := strings.CutPrefix(page, "plan:"); is {
		patient, known := s.sealer.open(id)
		return liveFilter{patient: patient}, known
	}
	return liveFilter{}, page == "" || page == "list"
}

// stream is one open live page.
type stream struct {
	s      *Server
	w      http.ResponseWriter
	rc     *http.ResponseController
	filter liveFilter
	last   int64 // Seq of the last event looked at
	told   int64 // Seq of the last event written
}

// whole tells whether the page follows all events and not one message or person.
func (st *stream) whole() bool { return st.filter == liveFilter{} }

func (st *stream) run(r *http.Request) {
	// Subscribed before the backlog is read, so that nothing falls between the two.
	events, cancel := st.s.store.Subscribe(liveBuffer)
	defer cancel()
	if st.write("retry: 2000\n: live\n\n") != nil || st.catchUp(r) != nil {
		return
	}
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	for {
		select {
		case e, ok := <-events:
			if !ok || st.batch(r, e, events) != nil {
				return
			}
		case <-beat.C:
			if st.s.sessions.find(st.s.cookie(r)) == nil || st.write(": still here\n\n") != nil {
				return
			}
		case <-st.s.closed:
			return
		case <-r.Context().Done():
			return
		}
	}
}

// batch tells one event and what waits behind it.
func (st *stream) batch(r *http.Request, first samvirke.Event, events <-chan samvirke.Event) error {
	list := drain([]samvirke.Event{first}, events)
	before := st.last
	if st.whole() && len(list) > burst {
		st.last = max(st.last, list[len(list)-2].Seq)
		list = list[len(list)-1:]
	}
	for _, e := range list {
		// A reader that fell behind has lost the oldest events. A page of lists is loaded again for any
		// later one; a page of one message could wait for ever.
		if !st.whole() && before > 0 && e.Seq > before+1 {
			if err := st.reset(); err != nil {
				return err
			}
		}
		before = max(before, e.Seq)
		if err := st.event(e); err != nil {
			return err
		}
	}
	if !st.whole() {
		return nil
	}
	select { // a page of lists gains nothing from more news a second
	case <-time.After(pace):
	case <-r.Context().Done():
	case <-st.s.closed:
	}
	return nil
}

// drain takes what waits in the channel now; it never blocks, because the store itself may take
// the oldest event out of a full channel.
func drain(list []samvirke.Event, events <-chan samvirke.Event) []samvirke.Event {
	for len(list) <= liveBuffer {
		select {
		case e, ok := <-events:
			if !ok {
				return list
			}
			list = append(list, e)
		default:
			return list
		}
	}
	return list
}

// catchUp hands out what the reader missed since its last event.
func (st *stream) catchUp(r *http.Request) error {
	if st.last <= 0 {
		return nil
	}
	missed, err := st.s.store.Events(r.Context(), queue.EventFilter{After: st.last, MessageID: st.filter.message, Limit: maxBacklog})
	if err != nil {
		st.s.log.Error("live stream could not catch up", "err", err)
		return st.reset()
	}
	if len(missed) == maxBacklog {
		st.last = 0
		return st.reset()
	}
	for _, e := range missed {
		if err := st.event(e); err != nil {
			return err
		}
	}
	return nil
}

func (st *stream) reset() error {
	return st.write("event: reset\ndata: {}\n\n")
}

func (st *stream) event(e samvirke.Event) error {
	if e.Seq <= st.last {
		return nil
	}
	st.last = e.Seq
	if !st.filter.wants(e) {
		return nil
	}
	told := liveEvent{Seq: e.Seq, At: e.At, Name: e.Name, MessageID: e.MessageID, DeliveryID: e.DeliveryID,
		Party: e.Party, Text: eventWord(e.Name).Text}
	if st.whole() && st.told > 0 {
		told.Skipped = max(0, e.Seq-st.told-1)
	}
	st.told = e.Seq
	b, err := json.Marshal(told)
	if err != nil {
		return err
	}
	return st.write(fmt.Sprintf("id: %d\ndata: %s\n\n", e.Seq, b))
}

func (st *stream) write(text string) error {
	// A writer without deadlines (a test recorder) is fine.
	_ = st.rc.SetWriteDeadline(time.Now().Add(writeLimit))
	if _, err := st.w.Write([]byte(text)); err != nil {
		return err
	}
	return st.rc.Flush()
}
