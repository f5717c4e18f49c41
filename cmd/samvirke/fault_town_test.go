//go:build fault

package main

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"regexp"
	"strconv"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/samvirke/samvirke/internal/simulate"
)

const townToken = "city-token-for-tests-0123456789abc"

// town is a municipality as a journal system is: it takes a message once by its id, and answers each with one application
// receipt, which it sends until somebody has taken it.
type town struct {
	gateway string

	mu       sync.Mutex
	first    map[string][32]byte // message id -> checksum of its first delivery
	effects  map[string]string   // person and number -> message id that brought it
	order    map[string][]came   // person -> what came, first deliveries only
	again    []string            // ids that came once more
	changed  []string            // ids that came with other bytes
	doubled  []string            // ids that brought what another one had brought
	bad      []string
	receipts sync.WaitGroup
	waiting  int // receipts that nobody has taken yet
	stop     chan struct{}
	// slow is how long a receipt is on its way at most before it is sent: one that comes at once says that a delivery arrived even when
	// its answer was lost, and then it is not sent again.
	slow time.Duration
}

type came struct {
	number int
	id     string
}

func newTown(gateway string) *town {
	return &town{gateway: gateway, first: map[string][32]byte{}, effects: map[string]string{}, order: map[string][]came{}, stop: make(chan struct{})}
}

func (w *town) ServeHTTP(_ http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // half a request: the gateway ended in the middle of it
	}
	w.take(body)
}

// take is what the town does with a message once it has all of it.
func (w *town) take(body []byte) {
	id, person, remark := reMsgID.FindSubmatch(body), rePerson.FindSubmatch(body), reRemark.FindSubmatch(body)
	w.mu.Lock()
	defer w.mu.Unlock()
	if id == nil || person == nil || remark == nil {
		w.bad = append(w.bad, "a delivery without id, person or number")
		return
	}
	name, sum := string(id[1]), sha256.Sum256(body)
	if old, seen := w.first[name]; seen {
		w.again = append(w.again, name)
		if old != sum {
			w.changed = append(w.changed, name)
		}
		return
	}
	w.first[name] = sum
	effect := string(person[1]) + " " + string(remark[1])
	if w.effects[effect] != "" {
		w.doubled = append(w.doubled, name)
	}
	w.effects[effect] = name
	n, _ := strconv.Atoi(string(remark[1]))
	w.order[string(person[1])] = append(w.order[string(person[1])], came{n, name})
	w.waiting++
	w.receipts.Go(func() { w.answer(name) })
}

// answer sends the receipt, with one id and the same bytes each time, until the gateway says that it has it.
func (w *town) answer(original string) {
	body := townReceipt(uuid.NewString(), original)
	if w.slow > 0 {
		time.Sleep(rand.N(w.slow))
	}
	for {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		status, text, err := post(ctx, w.gateway, townToken, "application/xml", body)
		cancel()
		w.mu.Lock()
		switch {
		case err == nil && status == http.StatusAccepted:
			w.waiting--
			w.mu.Unlock()
			return
		case err == nil && status != http.StatusServiceUnavailable && status != http.StatusTooManyRequests:
			w.bad = append(w.bad, fmt.Sprintf("a receipt was answered with %d %s", status, text))
		}
		w.mu.Unlock()
		select {
		case <-w.stop:
			return
		case <-time.After(30 * time.Millisecond):
		}
	}
}

// has says whether a message was delivered, settled whether all were and every receipt was taken.
func (w *town) has(id string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	_, ok := w.first[id]
	return ok
}

func (w *town) open() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.waiting
}

func (w *town) close() {
	close(w.stop)
	w.receipts.Wait()
}

// townReceipt is a positive AppRec 1.1 from the town to the hospital.
func townReceipt(id, original string) []byte {
	hcp := func(role, her, unit string) string {
		return `<Role V="` + role + `" DN="` + role + `"/><HCP><Inst><Name>Bygda</Name><Id>` + her + `</Id><TypeId V="HER" DN="HER-id"/><Dept><Name>Avdeling</Name><Id>` +
			unit + `</Id><TypeId V="HER" DN="HER-id"/></Dept></Inst></HCP>`
	}
	return []byte(`<?xml version="1.0" encoding="UTF-8"?><AppRec xmlns="http://www.kith.no/xmlstds/apprec/2012-02-15"><MsgType V="APPREC" DN="Applikasjonskvittering"/>` +
		`<MIGversion>v1.1 2012-02-15</MIGversion><GenDate>2026-01-10T22:41:00</GenDate><Id>` + id + `</Id><Sender>` +
		hcp("PRIM", simulate.AdmissionCity, simulate.AdmissionNursing) + `</Sender><Receiver>` + hcp("AVS", simulate.AdmissionHospital, simulate.AdmissionWard) +
		`</Receiver><Status V="1" DN="OK"/><OriginalMsgId><MsgType V="LOG_INNLAGT" DN="Innlagt pasient"/><IssueDate>2026-01-10T22:40:00</IssueDate><Id>` + original +
		`</Id></OriginalMsgId></AppRec>`)
}

// ward is where the hospital takes its application receipts.
type ward struct {
	mu  sync.Mutex
	got map[string]map[string]bool // id of the hospital's message -> ids of its receipts
}

var (
	reOriginal = regexp.MustCompile(`(?s)<OriginalMsgId>.*?<Id>([^<]+)</Id>`)
	reOwnID    = regexp.MustCompile(`<Id>([^<]+)</Id>`)
)

func (w *ward) ServeHTTP(_ http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	original, own := reOriginal.FindSubmatch(body), reOwnID.FindSubmatch(body)
	if err != nil || original == nil || own == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	of := string(original[1])
	if w.got[of] == nil {
		w.got[of] = map[string]bool{}
	}
	w.got[of][string(own[1])] = true
}

func (w *ward) receipts(id string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.got[id])
}
