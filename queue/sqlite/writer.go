package sqlite

import (
	"errors"
	"fmt"
	"time"

	"github.com/samvirke/samvirke/queue"
)

// writer takes units up, syncs them in the journal and brings the tables up to date behind that. Its fields belong to the
// goroutine of loop; db, log and st are lent, while writing is set, to the goroutine that writes into the tables.
type writer struct {
	s  *Store
	db *conn
	// log gathers the writes of db to the log.
	log *logBuffer
	st  statements
	// look asks the tables on a connection of its own.
	look   lookups
	asking *conn
	// waiting are synced changes that are not in the tables yet, leaving those that are written into them now or have to wait
	// for room there; nil: none. changes are those of the group that is being made, spare is room for the next generation.
	waiting, leaving, spare *waiting
	changes                 []byte
	// writing: leaving is being written, ended gets what came of it.
	writing bool
	ended   chan error
	touched touched
	// lastMessage and lastDelivery are ids that none in the tables is beyond.
	lastMessage, lastDelivery string
	// full is why the waiting changes could not be written into the tables: there is no room. Nothing is taken until there is.
	full error
	// seqs are the last numbers given; a rollback puts them back.
	seqs      sequences
	cache     *rowCache
	order     *order
	later     []*request       // jobs that wait for what is on its way into the tables
	aside     *aside           // the job that runs beside; nil: none
	jobs      map[string]*stmt // what a job keeps; nil: none runs
	jobbed    time.Time        // when the last job ended that waited for the tables
	pageCache int64            // of the connection, KB
	fitted    int              // how often it was asked whether that is enough
	mild      int64            // 1: bodies that a job takes away need no overwriting
	load      *loader
	group     []*request
	units     []*request
	tx        *tx               // the group that is being made; its room is used again
	paced     [paceGroups]paced // the last groups, a ring
	pacer     int
}

// A group costs as much as a dozen units, however small it is: every table and index has a page that
// is written anew. So when many units come and groups follow each other closely, the writer waits a little and lets them
// grow: at most paceGroups within paceSpan, unless paceFull units wait. With fewer units than paceRate the processor has
// time for smaller groups, and whoever waits for an answer gets it sooner: then paceLeast lies between two groups, so that
// the outcomes of one message's deliveries still come together. A group after a pause goes at once.
const (
	paceGroups = 8
	paceSpan   = 64 * time.Millisecond
	paceMost   = 8 * time.Millisecond
	paceFull   = 64
	paceRate   = 4000 // units per second
	paceLeast  = 2 * time.Millisecond
)

// paced is one of the last groups: when it began, and its units.
type paced struct {
	at    time.Time
	units int
}

// pace waits as the comment above says.
func (w *writer) pace() {
	units := 0
	for _, g := range w.paced {
		units += g.units
	}
	since := time.Since(w.paced[w.pacer].at) // the first of the ring
	wait := min(paceSpan-since, paceMost)
	if float64(units) <= paceRate*since.Seconds() {
		wait = paceLeast - time.Since(w.paced[(w.pacer+paceGroups-1)%paceGroups].at)
	}
	if wait > 0 && len(w.s.in) < paceFull {
		t := time.NewTimer(wait)
		select {
		case <-t.C:
		case <-w.s.stop:
			t.Stop()
		}
	}
	w.paced[w.pacer] = paced{at: time.Now()}
}

// began notes how many units the group has that pace let begin.
func (w *writer) began(units int) {
	w.paced[w.pacer].units = units
	w.pacer = (w.pacer + 1) % paceGroups
}

// sequences are the last numbers given out, and the end of the audit chain.
type sequences struct {
	message, delivery, event, receipt, record, plan, audit int64
	auditHash                                              string
}

// loop takes whatever waits: under load groups grow, at rest a unit goes at once (see pace). Between groups it reads a piece of what memory needs at start.
func (w *writer) loop() {
	defer close(w.s.writerDone)
	defer w.finish()
	for {
		w.runLater()
		r, ok := w.next()
		switch {
		case !ok:
			return
		case r == nil && w.load == nil:
			w.applySoon()
			continue
		case r == nil:
			// What is read must be what stands there: while there is no room to write it, nothing is read.
			if w.applyNow(); w.full == nil && !w.load.step(w) {
				w.load = nil
			}
			continue
		}
		w.pace()
		w.collect(r)
		w.began(len(w.group))
		w.runAll()
		w.applyDue()
	}
}

// next gives a waiting request, nil when there is none but something is to be loaded or written, and
// false when the store closes.
func (w *writer) next() (*request, bool) {
	if w.load != nil && w.full == nil {
		select {
		case r := <-w.s.in:
			return r, true
		case <-w.s.stop:
			return nil, false
		default:
			return nil, true
		}
	}
	for {
		r, more, arrived := w.sleep()
		if !arrived {
			return r, more
		}
		w.runLater()
		if w.applyDue(); w.load != nil && w.full == nil {
			return nil, true
		}
	}
}

// sleep waits for a request, for the end, for changes to arrive in the tables, or, when some wait, for a pause.
func (w *writer) sleep() (r *request, more, arrived bool) {
	var idle <-chan time.Time
	if !w.writing && (w.leaving != nil || w.waiting.frames > 0) {
		t := time.NewTimer(applyIdle)
		defer t.Stop()
		idle = t.C
	}
	select {
	case r := <-w.s.in:
		return r, true, false
	case err := <-w.ended:
		w.end(err)
		return nil, true, true
	case <-idle:
		return nil, true, false
	case <-w.s.stop:
		return nil, false, false
	}
}

// collect fills the group with first and everything that waits behind it.
func (w *writer) collect(first *request) {
	w.group = w.group[:0]
	bytes := 0
	add := func(r *request) {
		if r.state.CompareAndSwap(requestWaits, requestTaken) {
			w.group = append(w.group, r)
			bytes += r.bytes
		}
	}
	add(first)
	for len(w.group) < maxGroup && bytes < maxGroupBytes {
		select {
		case r := <-w.s.in:
			add(r)
		default:
			return
		}
	}
}

// runAll runs the collected group and answers it: first the units, then what wants to see them in the tables.
func (w *writer) runAll() {
	units := w.units[:0]
	for _, r := range w.group {
		if r.unit != nil {
			units = append(units, r)
		}
	}
	w.units = units
	for len(units) > 0 {
		n := w.runBatch(units)
		if n < len(units) {
			w.applyNow() // the next one asks for what waits
		}
		units = units[n:]
	}
	for _, r := range w.group {
		switch {
		case r.gen > 0:
			w.await(r)
		case r.job != nil:
			w.putOff(r)
		}
	}
	clear(w.group)
	clear(w.units)
}

// runBatch runs requests as one group and answers them, up to the first that has to wait for the tables; it says how many.
func (w *writer) runBatch(batch []*request) (done int) {
	began := time.Now()
	if w.full != nil {
		w.applyNow()
	}
	if err := w.s.usableErr(w.full); err != nil {
		return answerAll(batch, err)
	}
	t, err := w.newTx()
	if err != nil {
		if !isFull(err) {
			w.s.fail(fmt.Errorf("begin a segment of the journal: %w", err))
			return answerAll(batch, queue.ErrFailed)
		}
		return answerAll(batch, fmt.Errorf("%w: %w", queue.ErrFull, err))
	}
	defer t.over()
	applied := 0
	for _, r := range batch {
		err := t.run(r)
		if errors.Is(err, errWaits) {
			break
		}
		done++
		if err == nil {
			applied++
			continue
		}
		if isFatal(err) {
			w.s.fail(fmt.Errorf("look up in the store: %w", err))
			err = queue.ErrFailed
		}
		r.err = plain(err)
	}
	batch = batch[:done]
	if w.s.broken() {
		return answerAll(batch, queue.ErrFailed)
	}
	if applied == 0 {
		t.w.s.lanes.settle(nil, t.pinned)
		w.settleOrder(nil, t.back)
		return answerAll(batch, nil)
	}
	if err := t.commit(); err != nil {
		w.settleOrder(nil, t.back)
		return answerAll(batch, w.undo(t, err))
	}
	w.s.measure(applied, time.Since(began))
	answerAll(batch, nil)
	w.s.subs.Publish(t.events)
	return done
}

func answerAll(batch []*request, err error) int {
	for _, r := range batch {
		r.answer(err)
	}
	return len(batch)
}

// undo forgets a group that could not be written to the journal and gives the error to answer. When the disk is not just
// full, the store ends here: what a failed sync left on disk is unknown, and trying it again would hide that.
func (w *writer) undo(t *tx, err error) error {
	if _, fatal := errors.AsType[*fatalError](err); fatal {
		w.s.fail(err)
		return queue.ErrFailed
	}
	if e := t.undo(); errors.Is(plain(e), queue.ErrFull) {
		w.full = plain(e)
	} else if e != nil {
		w.s.fail(fmt.Errorf("read the journal again: %w", e))
		return queue.ErrFailed
	}
	return fmt.Errorf("%w: %w", queue.ErrFull, err)
}

// runJob runs a repair alone in its own transaction, which is synced by itself unless it is a loose one.
func (w *writer) runJob(r *request) {
	w.applyNow()
	if err := w.s.usableErr(w.full); err != nil {
		r.answer(err)
		return
	}
	w.jobEnded(r, w.transact(r))
}

// transact runs a job in a transaction.
func (w *writer) transact(r *request) (err error) {
	if !r.loose {
		err = w.query(`PRAGMA synchronous = FULL`, nil)
	}
	if err == nil {
		_, err = w.st.begin.run()
	}
	if err == nil {
		w.jobs = map[string]*stmt{}
		err = r.job(w)
		w.forgetStatements() // before the end of the transaction: none of them is open any more
		if err == nil {
			_, err = w.st.commit.run()
		}
		if err != nil {
			_, _ = w.st.rollback.run()
		}
	}
	if !r.loose {
		if e := w.query(`PRAGMA synchronous = NORMAL`, nil); err == nil {
			err = e
		}
	}
	return err
}

// jobEnded answers a job.
func (w *writer) jobEnded(r *request, err error) {
	if err != nil && isFatal(err) {
		w.s.fail(fmt.Errorf("repair the store: %w", err))
	}
	w.s.applies.Add(1)
	if r.messages == nil {
		w.jobbed = time.Now()
	}
	r.answer(err)
}
