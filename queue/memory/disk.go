package memory

import (
	"crypto/rand"
	"sync"
	"time"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/queue"
)

// Disk is what outlives a Store. Make it with NewDisk.
type Disk struct {
	mu    sync.Mutex // also guards the store that has the disk open
	store *Store     // nil: nobody has it open
	tables
}

// NewDisk makes an empty disk.
func NewDisk() *Disk {
	d := &Disk{tables: tables{
		record: map[string][]queue.Record{}, plan: map[string][]*plan{}, due: map[string]map[string]*queue.Due{},
		counter: map[string]int64{}, setting: map[string]string{},
		messageAt: map[string]int64{}, deliveryAt: map[string]int64{}, deliveryOf: map[int64][]int64{}, named: map[name][]int64{},
		recordKept: map[recordName]bool{}, received: map[string][]int64{}, erased: map[[16]byte]erasedName{}, trouble: map[int64][]string{},
		messages: map[samvirke.MessageStatus]int64{}, deliveries: map[string]map[samvirke.DeliveryState]int64{}, awaited: map[string]int64{},
	}}
	_, _ = rand.Read(d.salt[:]) // never fails (crypto/rand)
	return d
}

// tables are all the rows with their indexes. Numbers (Seq) of messages, deliveries and events count from 1, and the
// number less one is the place of the row. Of a row that retention dropped the place is empty: nil, or an event without a number.
type tables struct {
	message  []*message
	delivery []*delivery
	record   map[string][]queue.Record        // of a patient, in order of arrival
	plan     map[string][]*plan               // of a patient, by version
	due      map[string]map[string]*queue.Due // of a patient, by id
	receipt  []samvirke.Receipt
	event    []samvirke.Event
	audit    []audit
	counter  map[string]int64
	setting  map[string]string
	trouble  map[int64][]string // words of the faults of a message and its deliveries
	// erased are rows by the salted hashes of what they were called before an erasure.
	erased map[[16]byte]erasedName
	salt   [16]byte

	// Indexes.
	messageAt, deliveryAt map[string]int64  // number by id
	deliveryOf            map[int64][]int64 // deliveries of a message
	named                 map[name][]int64  // numbers by what a row is found by, growing
	recordKept            map[recordName]bool
	received              map[string][]int64 // received messages of a patient
	planOrder             []*plan            // all, by number

	// Totals, and the last numbers of what can be deleted.
	accepted       int64
	messages       map[samvirke.MessageStatus]int64
	deliveries     map[string]map[samvirke.DeliveryState]int64 // by party; sending is not stored
	awaited        map[string]int64                            // by party
	planSeq, token int64
	// head is the newest audit entry, anchor the last that was dropped.
	head, anchor auditEnd
	bytes        int64 // about what was written so far
}

type message struct {
	samvirke.Message        // Raw nil: dropped or erased
	envelope, notes  []byte // nil: none yet
}

type delivery struct {
	samvirke.Delivery       // State is never sending: that is a lease; Body nil: dropped, erased, or kept with the message
	message           int64 // number of its message, 0 for none
	original          bool  // the body is that of the message
	hold              bool  // stopped, and what is behind it waits
	attempts          []samvirke.Attempt
}

type plan struct {
	seq int64
	queue.PlanVersion
}

// audit is an entry with what its hash needs.
type audit struct {
	samvirke.Audit
	salt, digest string
}

type auditEnd struct {
	seq  int64
	hash string
}

// What a row is found by, also after it was erased.
const (
	byID       = "id"       // a message by party and external id
	byContent  = "content"  // a message by party and checksum, when it has no external id
	byDelivery = "delivery" // a delivery by party and external id
	byRecord   = "record"   // a record by its key, only after it was erased
)

type name struct{ by, party, id string }

// erasedName is what a name led to, and when that was erased last.
type erasedName struct {
	seq int64
	at  time.Time
}

type recordName struct{ key, hash string }

func (m *message) name() name {
	if m.ExternalID == "" {
		return name{byContent, m.Party, m.Checksum}
	}
	return name{byID, m.Party, m.ExternalID}
}

func (d *delivery) name() name { return name{byDelivery, d.Party, d.ExternalID} }

// open says that the delivery stands in its lane.
func (d *delivery) open() bool {
	return d.State == samvirke.DeliveryQueued || d.State == samvirke.DeliveryWaiting || d.hold
}

// receiptAwaited says whether a receipt is to come.
func (d *delivery) receiptAwaited() bool {
	return d.State == samvirke.DeliverySent && !d.ExpectBy.IsZero()
}

// addName makes a row be found by n; dropName undoes it.
func (t *tables) addName(n name, seq int64) { t.named[n] = insert(t.named[n], seq) }

func (t *tables) dropName(n name, seq int64) {
	if left := remove(t.named[n], seq); len(left) > 0 {
		t.named[n] = left
	} else {
		delete(t.named, n)
	}
}

// body gives the body of a delivery, nil when it is gone.
func (t *tables) body(d *delivery) []byte {
	if d.original {
		return t.message[d.message-1].Raw
	}
	return d.Body
}

// countDelivery takes a delivery into the totals, n is 1, or out of them, -1.
func (t *tables) countDelivery(d *delivery, n int64) {
	of := t.deliveries[d.Party]
	if of == nil {
		of = map[samvirke.DeliveryState]int64{}
		t.deliveries[d.Party] = of
	}
	of[d.State] += n
	if d.receiptAwaited() {
		t.awaited[d.Party] += n
	}
}

// moment is a time as every engine gives it back: UTC, to the nanosecond, none as none.
func moment(t time.Time) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	return time.Unix(0, t.UnixNano()).UTC()
}

// momentOr is moment of t, or of otherwise when there is none.
func momentOr(t, otherwise time.Time) time.Time {
	if t.IsZero() {
		t = otherwise
	}
	return moment(t)
}

// kept is a body as it is stored: never nil, and appending to it does not write over what others see.
func kept(body []byte) []byte {
	if body == nil {
		return []byte{}
	}
	return body[:len(body):len(body)]
}
