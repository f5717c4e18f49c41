package kafka

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl/scram"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/connectors"
)

// Defaults and bounds of SenderOptions.
const (
	DefaultTimeout  = 30 * time.Second
	DefaultMaxBytes = 16 << 20 // of one record with its headers; the topic's own limit may be lower
)

// Headers of a record.
const (
	HeaderID       = "samvirke-id"       // the delivery's id: the same for every attempt
	HeaderMessage  = "samvirke-message"  // the gateway's id of the message it comes from
	HeaderExternal = "samvirke-external" // the id inside the body
	HeaderKind     = "samvirke-kind"
	HeaderPurpose  = "samvirke-purpose"
)

// SenderOptions describe the way into one topic. Party, Brokers, Topic and Key are required.
type SenderOptions struct {
	// Party is the party id, for the client's name.
	Party string
	// Brokers are seeds, host:port.
	Brokers []string
	Topic   string
	// Key digests the lanes, at least 16 bytes. It must stay the same, or one patient's records come into two partitions.
	Key []byte
	// User and Password log in by SCRAM-SHA-512; both may be empty.
	User, Password string
	// TLS is used when it is true or when there are certificates or authorities.
	TLS          bool
	Certificates []tls.Certificate
	CA           *x509.CertPool
	// Timeout is the limit of one attempt, 0 means 30 s.
	Timeout time.Duration
	// MaxBytes is the largest record, 0 means 16 MiB.
	MaxBytes int32
}

// Sender publishes deliveries into one topic. It is safe for concurrent use.
type Sender struct {
	opt    SenderOptions
	client *kgo.Client
}

// NewSender checks the options. Brokers that are down are no error: sending is transiently impossible until there
// is one.
func NewSender(opt SenderOptions) (*Sender, error) {
	switch {
	case opt.Party == "" || len(opt.Brokers) == 0 || opt.Topic == "":
		return nil, errors.New("kafka sender needs party, brokers and topic")
	case len(opt.Key) < 16:
		return nil, fmt.Errorf("topic of %s: the key of the lanes has fewer than 16 bytes", opt.Party)
	case (opt.User == "") != (opt.Password == ""):
		return nil, fmt.Errorf("topic of %s: user and password go together", opt.Party)
	}
	for _, b := range opt.Brokers {
		if _, _, err := net.SplitHostPort(b); err != nil {
			return nil, fmt.Errorf("brokers of %s: want host:port", opt.Party)
		}
	}
	if opt.Timeout <= 0 {
		opt.Timeout = DefaultTimeout
	}
	if opt.MaxBytes <= 0 {
		opt.MaxBytes = DefaultMaxBytes
	}
	client, err := kgo.NewClient(options(&opt)...)
	if err != nil {
		return nil, fmt.Errorf("topic of %s: %w", opt.Party, err)
	}
	return &Sender{opt: opt, client: client}, nil
}

func options(opt *SenderOptions) []kgo.Opt {
	out := []kgo.Opt{
		kgo.SeedBrokers(opt.Brokers...), kgo.ClientID("samvirke-" + opt.Party), kgo.DefaultProduceTopic(opt.Topic),
		kgo.RequiredAcks(kgo.AllISRAcks()),
		// The queue owns retries, over crashes and with an id that readers know repeats by. Numbers that end with this
		// process would add nothing, but a failed record could not be given up before its fate is known.
		kgo.DisableIdempotentWrite(), kgo.RecordRetries(0), kgo.UnknownTopicRetries(0),
		kgo.RetryTimeout(opt.Timeout), kgo.DialTimeout(10 * time.Second),
		kgo.ProducerBatchMaxBytes(opt.MaxBytes), kgo.ProducerLinger(0),
		kgo.RecordPartitioner(kgo.StickyKeyPartitioner(nil)), // as Kafka's own clients: murmur2 of the key
		kgo.ProducerBatchCompression(kgo.ZstdCompression(), kgo.NoCompression()),
	}
	if opt.User != "" {
		out = append(out, kgo.SASL(scram.Auth{User: opt.User, Pass: opt.Password}.AsSha512Mechanism()))
	}
	if opt.TLS || len(opt.Certificates) > 0 || opt.CA != nil {
		out = append(out, kgo.DialTLSConfig(&tls.Config{MinVersion: tls.VersionTLS12, Certificates: opt.Certificates, RootCAs: opt.CA}))
	}
	return out
}

// laneKey is the record's key: equal for all of one lane, and nothing that says whose lane it is. A number of
// eleven digits under a plain digest would be found again by trying them all.
func (s *Sender) laneKey(lane string) []byte {
	h := hmac.New(sha256.New, s.opt.Key)
	h.Write([]byte(lane))
	return []byte(hex.EncodeToString(h.Sum(nil)[:16]))
}

// Send publishes the delivery and waits until all in-sync replicas have it.
func (s *Sender) Send(ctx context.Context, d samvirke.Delivery) (connectors.Result, error) {
	ctx, cancel := context.WithTimeout(ctx, s.opt.Timeout)
	defer cancel()
	if err := ctx.Err(); err != nil {
		return connectors.Result{Answer: "not published"}, fault(ctx, err)
	}
	r := &kgo.Record{Key: s.laneKey(d.Lane), Value: d.Body}
	for _, h := range [...]struct{ name, value string }{
		{HeaderID, d.ID}, {HeaderMessage, d.MessageID}, {HeaderExternal, d.ExternalID}, {HeaderKind, d.Kind},
		{HeaderPurpose, string(d.Purpose)}, {"content-type", d.ContentType}, {"traceparent", d.TraceParent},
	} {
		if h.value != "" {
			r.Headers = append(r.Headers, kgo.RecordHeader{Key: h.name, Value: []byte(h.value)})
		}
	}
	stored, err := s.client.ProduceSync(ctx, r).First()
	if err != nil {
		return connectors.Result{Answer: "not published"}, fault(ctx, err)
	}
	return connectors.Result{Answer: fmt.Sprintf("partition %d, offset %d", stored.Partition, stored.Offset)}, nil
}

// fault gives the outcome when the record was not acknowledged. What can be put right outside, after which the lane
// goes on by itself, is transient: brokers away, a topic that is not there yet. So is what nobody expected, which Kafka's
// list calls not retriable: a broker's exception and a code that the client does not know say nothing about the record.
func fault(ctx context.Context, err error) *samvirke.Fault {
	f := &samvirke.Fault{Class: samvirke.Transient, Code: "unreachable", Safe: "the topic's brokers cannot be reached", Err: err}
	known, _ := errors.AsType[*kerr.Error](err)
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded), errors.Is(err, kgo.ErrRecordTimeout):
		f.Code, f.Safe = "timeout", "the topic did not acknowledge in time"
	case ctx.Err() != nil:
		f.Code, f.Safe = "interrupted", "publishing was interrupted, it will be tried again"
	case errors.Is(err, kerr.MessageTooLarge), errors.Is(err, kerr.RecordListTooLarge):
		f.Class, f.Code, f.Safe = samvirke.Permanent, "too-large", "the message is larger than the topic takes"
	case errors.Is(err, kerr.TopicAuthorizationFailed), errors.Is(err, kerr.ClusterAuthorizationFailed),
		errors.Is(err, kerr.SaslAuthenticationFailed):
		f.Class, f.Code, f.Safe = samvirke.Unauthorized, "not-authorized", "the topic's brokers do not accept our credential"
	case errors.Is(err, kerr.UnknownTopicOrPartition):
		f.Code, f.Safe = "no-topic", "the topic is not there"
	case known != nil && !known.Retriable && !errors.Is(known, kerr.UnknownServerError):
		f.Class, f.Code, f.Safe = samvirke.Permanent, fmt.Sprintf("kafka-%d", known.Code), "the topic refused the message"
	case known != nil:
		f.Code, f.Safe = "topic-unavailable", "the topic cannot take it right now"
	}
	return f
}

// Close ends the connections. What is under way fails and is sent again after the next start.
func (s *Sender) Close() error {
	s.client.Close()
	return nil
}
