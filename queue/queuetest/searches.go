package queuetest

import (
	"fmt"
	"strings"
	"time"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/queue"
)

// Of these values the searches below ask; a test that fills a store gives some rows each.
const (
	SearchParty    = "hospital"
	SearchReceiver = "gp"
	SearchKind     = "LOG_INNLAGT"
	SearchPatient  = "urn:test|5"
	SearchExternal = "x5"
	SearchID       = "0190a3c4-0000-7000-8000-00000000000a"
	SearchText     = "connection refused"
	SearchMessage  = "m5"
	SearchBefore   = 1000
)

// SearchAt is the time in the searches below, SearchUntil the end of those that have one.
func SearchAt() time.Time    { return time.Unix(1_700_000_000, 0) }
func SearchUntil() time.Time { return SearchAt().Add(time.Hour) }

// MessageSearches are all combinations of what can be asked of messages.
func MessageSearches(each func(name string, f queue.MessageFilter)) {
	fields := []struct {
		name string
		set  func(*queue.MessageFilter)
	}{
		{"party", func(f *queue.MessageFilter) { f.Party = SearchParty }},
		{"kind", func(f *queue.MessageFilter) { f.Kind = SearchKind }},
		{"patient", func(f *queue.MessageFilter) { f.Patient = SearchPatient }},
		{"external", func(f *queue.MessageFilter) { f.ExternalID = SearchExternal }},
		{"id", func(f *queue.MessageFilter) { f.ID = SearchID }},
		{"text", func(f *queue.MessageFilter) { f.Text = SearchText }},
		{"since", func(f *queue.MessageFilter) { f.Since = SearchAt() }},
		{"until", func(f *queue.MessageFilter) { f.Until = SearchUntil() }},
	}
	for set := range 1 << len(fields) {
		var q queue.MessageFilter
		var name []string
		for i, x := range fields {
			if set&(1<<i) != 0 {
				x.set(&q)
				name = append(name, x.name)
			}
		}
		for i, statuses := range [][]samvirke.MessageStatus{nil, {samvirke.MessageAttention}, {samvirke.MessageRefused, samvirke.MessageQuarantined},
			{samvirke.MessageProcessed}} {
			if q.Status = statuses; (set+i)%2 == 0 {
				q.Before = SearchBefore
			} else {
				q.Before = 0
			}
			each(fmt.Sprint(strings.Join(name, "+"), statuses), q)
		}
	}
}

// DeliverySearches are all combinations of what can be asked of deliveries.
func DeliverySearches(each func(name string, f queue.DeliveryFilter)) {
	states := [][]samvirke.DeliveryState{nil, {samvirke.DeliveryQueued}, {samvirke.DeliveryStopped, samvirke.DeliveryWaiting},
		{samvirke.DeliverySending}, {samvirke.DeliveryQueued, samvirke.DeliverySending}, {samvirke.DeliverySent}, {samvirke.DeliveryAcknowledged, samvirke.DeliveryGivenUp}}
	for set := range 1 << 6 {
		var q queue.DeliveryFilter
		for i, on := range []func(){func() { q.Party = SearchReceiver }, func() { q.MessageID = SearchMessage }, func() { q.Patient = SearchPatient },
			func() { q.Purpose = samvirke.PurposeForward }, func() { q.OverdueAt = SearchAt() }, func() { q.Before = SearchBefore }} {
			if set&(1<<i) != 0 {
				on()
			}
		}
		for _, list := range states {
			q.State = list
			each(fmt.Sprintf("%+v", q), q)
		}
	}
}
