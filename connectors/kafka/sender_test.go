package kafka

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/connectors"
	"github.com/samvirke/samvirke/connectors/connectortest"
	"github.com/samvirke/samvirke/internal/leaks"
)

func TestMain(m *testing.M) { leaks.Main(m) }

const (
	topic      = "samvirke-plan"
	partitions = 3
)

var secretKey = []byte("sixteen bytes and more")

// cluster is a broker that speaks the protocol in this process.
func cluster(t *testing.T, o ...kfake.Opt) *kfake.Cluster {
	t.Helper()
	c, err := kfake.NewCluster(append([]kfake.Opt{kfake.NumBrokers(1)}, o...)...)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.CreateTopic(topic, partitions, map[string]string{"max.message.bytes": "8388608"}); err != nil {
		t.Fatal(err)
	}
	return c
}

func sender(t *testing.T, c *kfake.Cluster) *Sender {
	t.Helper()
	s, err := NewSender(SenderOptions{Party: "research", Brokers: c.ListenAddrs(), Topic: topic, Key: secretKey})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// stored reads n records that are in the topic.
func stored(t *testing.T, c *kfake.Cluster) []*kgo.Record {
	t.Helper()
	want := int64(0)
	for _, p := range c.PartitionInfos(topic) {
		want += p.HighWatermark
	}
	if want == 0 {
		return nil
	}
	client, err := kgo.NewClient(kgo.SeedBrokers(c.ListenAddrs()...), kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	var out []*kgo.Record
	for int64(len(out)) < want {
		f := client.PollFetches(ctx)
		if err := f.Err0(); err != nil {
			t.Fatalf("%d of %d records: %v", len(out), want, err)
		}
		out = append(out, f.Records()...)
	}
	return out
}

type far struct {
	c *kfake.Cluster
}

func (f *far) Sender(t *testing.T) connectors.Sender { return sender(t, f.c) }

func (f *far) Taken(t *testing.T) (out [][]byte) {
	for _, r := range stored(t, f.c) {
		out = append(out, r.Value)
	}
	return out
}

func (f *far) Fail(_ *testing.T, _ samvirke.Delivery, class samvirke.Class) bool {
	err := map[samvirke.Class]*kerr.Error{
		samvirke.Transient: kerr.NotEnoughReplicas, samvirke.Permanent: kerr.InvalidRecord, samvirke.Unauthorized: kerr.TopicAuthorizationFailed,
	}[class]
	f.c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: err})
	return true
}

func (f *far) Close() { f.c.Close() }

// TestSuite: what every wire must do.
func TestSuite(t *testing.T) {
	connectortest.TestSender(t, func(t *testing.T) connectortest.Far { return &far{cluster(t)} })
}

func delivery(n int, patient string) samvirke.Delivery {
	return samvirke.Delivery{
		ID: fmt.Sprintf("d%d", n), MessageID: "m1", Party: "research", Purpose: samvirke.PurposeNotice, Lane: samvirke.LaneKey("research", patient, samvirke.PurposeNotice),
		ExternalID: fmt.Sprintf("5f3c1a2e-0000-4000-8000-%012d", n), Kind: "plan-changed", ContentType: "application/fhir+json",
		TraceParent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", CreatedAt: time.Date(2026, 1, 10, 20, 0, 0, 0, time.UTC), Body: fmt.Appendf(nil, `{"n":%d}`, n),
	}
}

// TestRecord: id, kind and trace go along; all of one patient is in one partition in order; the key says nothing.
func TestRecord(t *testing.T) {
	c := cluster(t)
	defer c.Close()
	s := sender(t, c)
	defer s.Close()
	patients := []string{"13116900216", "05073500186", "14019800513"}
	for i := range 30 {
		if _, err := s.Send(t.Context(), delivery(i, patients[i%3])); err != nil {
			t.Fatal(err)
		}
	}
	keys := map[string]int32{}
	last := map[string]int{}
	for _, r := range stored(t, c) {
		key := string(r.Key)
		if at, ok := keys[key]; ok && at != r.Partition {
			t.Errorf("one lane in partitions %d and %d", at, r.Partition)
		}
		keys[key] = r.Partition
		n := 0
		if _, err := fmt.Sscanf(string(r.Value), `{"n":%d}`, &n); err != nil || n < last[key] {
			t.Errorf("%s after %d: %v", r.Value, last[key], err)
		}
		last[key] = n
		for _, p := range patients {
			if strings.Contains(key, p) {
				t.Error("the key names the patient")
			}
		}
		head := map[string]string{}
		for _, h := range r.Headers {
			head[h.Key] = string(h.Value)
		}
		want := delivery(n, patients[n%3])
		if head[HeaderID] != want.ID || head[HeaderMessage] != "m1" || head[HeaderExternal] != want.ExternalID || head[HeaderKind] != "plan-changed" ||
			head[HeaderPurpose] != "notice" || head["content-type"] != want.ContentType || head["traceparent"] != want.TraceParent {
			t.Errorf("headers %v", head)
		}
	}
	if len(keys) != 3 {
		t.Errorf("%d keys for three lanes", len(keys))
	}
	other := *s
	other.opt.Key = []byte("another key of 16 bytes")
	if bytes.Equal(other.laneKey("a"), s.laneKey("a")) || !bytes.Equal(s.laneKey("a"), s.laneKey("a")) {
		t.Error("the digest does not hang on the key")
	}
}

// TestLostAcknowledgement: the record was stored and the answer lost: it comes again under the same id, none is lost.
func TestLostAcknowledgement(t *testing.T) {
	c := cluster(t)
	defer c.Close()
	s := sender(t, c)
	defer s.Close()
	c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: kerr.NotEnoughReplicasAfterAppend})
	tries := 1
	for ; tries < 10; tries++ {
		if _, err := s.Send(t.Context(), delivery(1, "")); err == nil {
			break
		} else if samvirke.ClassOf(err) != samvirke.Transient {
			t.Fatal(err)
		}
	}
	got := stored(t, c)
	if len(got) == 0 || len(got) > 2 {
		t.Fatalf("%d records after %d attempts", len(got), tries)
	}
	for _, r := range got {
		if i := slices.IndexFunc(r.Headers, func(h kgo.RecordHeader) bool { return h.Key == HeaderID }); i < 0 || string(r.Headers[i].Value) != "d1" {
			t.Errorf("headers %v", r.Headers)
		}
	}
}

// TestFaults: what each failure means.
func TestFaults(t *testing.T) {
	t.Parallel()
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	late, done := context.WithDeadline(t.Context(), time.Unix(0, 0))
	defer done()
	for name, c := range map[string]struct {
		ctx   context.Context
		err   error
		class samvirke.Class
		code  string
	}{
		"too large":        {t.Context(), kerr.MessageTooLarge, samvirke.Permanent, "too-large"},
		"no topic":         {t.Context(), kerr.UnknownTopicOrPartition, samvirke.Transient, "no-topic"},
		"not allowed":      {t.Context(), kerr.TopicAuthorizationFailed, samvirke.Unauthorized, "not-authorized"},
		"bad password":     {t.Context(), kerr.SaslAuthenticationFailed, samvirke.Unauthorized, "not-authorized"},
		"replicas":         {t.Context(), kerr.NotEnoughReplicas, samvirke.Transient, "topic-unavailable"},
		"unexpected":       {t.Context(), kerr.UnknownServerError, samvirke.Transient, "topic-unavailable"},
		"a newer code":     {t.Context(), kerr.ErrorForCode(30_000), samvirke.Transient, "topic-unavailable"},
		"broker's disk":    {t.Context(), kerr.KafkaStorageError, samvirke.Transient, "topic-unavailable"},
		"quota":            {t.Context(), kerr.ThrottlingQuotaExceeded, samvirke.Transient, "topic-unavailable"},
		"policy":           {t.Context(), kerr.PolicyViolation, samvirke.Permanent, "kafka-44"},
		"no broker":        {t.Context(), errors.New("dial: refused"), samvirke.Transient, "unreachable"},
		"time":             {late, context.DeadlineExceeded, samvirke.Transient, "timeout"},
		"the record's own": {t.Context(), kgo.ErrRecordTimeout, samvirke.Transient, "timeout"},
		"stopped":          {ended, context.Canceled, samvirke.Transient, "interrupted"},
	} {
		if f := fault(c.ctx, c.err); f.Class != c.class || f.Code != c.code || f.Safe == "" {
			t.Errorf("%s: %+v", name, f)
		}
	}
}

// TestBrokerAway: nothing is at the address. No attempt blocks for ever, and each may be made again. Port 1 is nobody's; one
// that was just given back may be another server's a moment later.
func TestBrokerAway(t *testing.T) {
	s, err := NewSender(SenderOptions{Party: "research", Brokers: []string{"127.0.0.1:1"}, Topic: topic, Key: secretKey, Timeout: 500 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			if _, err := s.Send(t.Context(), delivery(i, "")); samvirke.ClassOf(err) != samvirke.Transient {
				t.Errorf("got %v", err)
			}
		})
	}
	wg.Wait()
}

// TestOptions: each mistake is told, without what was given as password.
func TestOptions(t *testing.T) {
	t.Parallel()
	good := SenderOptions{Party: "p", Brokers: []string{"127.0.0.1:1"}, Topic: "t", Key: secretKey}
	for name, change := range map[string]func(*SenderOptions){
		"no party":           func(o *SenderOptions) { o.Party = "" },
		"no brokers":         func(o *SenderOptions) { o.Brokers = nil },
		"no topic":           func(o *SenderOptions) { o.Topic = "" },
		"short key":          func(o *SenderOptions) { o.Key = o.Key[:15] },
		"password, no user":  func(o *SenderOptions) { o.Password = "hemmelig" },
		"user, no password":  func(o *SenderOptions) { o.User = "u" },
		"an impossible seed": func(o *SenderOptions) { o.Brokers = []string{"a:b:c:d"} },
	} {
		o := good
		change(&o)
		s, err := NewSender(o)
		if err == nil {
			_ = s.Close()
			t.Errorf("%s: taken", name)
		} else if strings.Contains(err.Error(), "hemmelig") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
