package rest

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/go-resty/resty/v2"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/connectors"
)

// Defaults and bounds of ClientOptions.
const (
	DefaultTimeout        = 30 * time.Second
	DefaultMaxAnswer      = 1 << 20
	DefaultMaxIdlePerHost = 64
	DefaultMaxConns       = 256
)

// writeBuffer holds the head and the body of a usual message, so that both leave in one write to the
// system and the body is not copied through a buffer made for it. Unit: bytes, one per open connection.
const writeBuffer = 12 << 10

// errTimeout tells our own time limit from a caller that gave up.
var errTimeout = errors.New("time limit of one request")

// ClientOptions describe the way to one party. Party and URL are required.
type ClientOptions struct {
	// Party is the party id, for metrics.
	Party string
	// URL is where deliveries are posted: http or https, without user information.
	URL string
	// Token is sent as bearer token when not empty. It is never logged.
	Token string
	// Certificates are client certificates; usually one or none.
	Certificates []tls.Certificate
	// CA are the issuers the party's certificate must come from; nil means those of the system.
	CA *x509.CertPool
	// ServerName overrides the name that the party's certificate must carry; "" = host of URL.
	ServerName string
	// Timeout is the limit of one request including its answer, 0 means 30 s.
	Timeout time.Duration
	// MaxAnswer is the largest answer that is read. Unit: bytes; 0 or more than 1 MiB means 1 MiB.
	MaxAnswer int64
	// MaxIdlePerHost is how many connections are kept open, 0 means 64; MaxConns how many there may be, 0 means 256.
	MaxIdlePerHost, MaxConns int
	// UserAgent is sent as such; "" means "samvirke".
	UserAgent string
	// Registerer may be nil: no metrics then.
	Registerer prometheus.Registerer
}

// Sender posts deliveries to one party. It is safe for concurrent use.
type Sender struct {
	client    *resty.Client
	transport *http.Transport
	direct    *direct // nil: everything goes by transport
	plain     *plain  // nil: everything goes by client
	opt       ClientOptions
	now       func() time.Time
	seconds   *prometheus.HistogramVec
	taken     prometheus.Observer // seconds of the usual outcome
}

// NewSender checks the options and returns a sender with a transport of its own, so that a
// slow party cannot use up the connections of another one.
func NewSender(opt ClientOptions) (*Sender, error) {
	u, err := url.Parse(opt.URL)
	switch {
	case err != nil:
		return nil, fmt.Errorf("url of %s: not a URL", opt.Party) // err quotes it, and it may hold a secret
	case u.Scheme != "http" && u.Scheme != "https" || u.Host == "":
		return nil, fmt.Errorf("url of %s: want http:// or https:// and a host", opt.Party)
	case u.User != nil:
		return nil, fmt.Errorf("url of %s: no user or password in a URL; use token", opt.Party)
	case opt.Party == "":
		return nil, errors.New("sender without party")
	case strings.ContainsFunc(opt.Token, func(r rune) bool { return r <= ' ' || r > '~' }):
		return nil, fmt.Errorf("token of %s: only printable ASCII without spaces", opt.Party)
	case len(opt.Certificates) > 0 && u.Scheme != "https":
		return nil, fmt.Errorf("url of %s: a client certificate needs https", opt.Party)
	}
	opt.Timeout = orDefault(opt.Timeout, DefaultTimeout)
	opt.MaxAnswer = min(orDefault(opt.MaxAnswer, DefaultMaxAnswer), DefaultMaxAnswer)
	opt.MaxIdlePerHost = orDefault(opt.MaxIdlePerHost, DefaultMaxIdlePerHost)
	opt.MaxConns = max(orDefault(opt.MaxConns, DefaultMaxConns), opt.MaxIdlePerHost)
	if opt.UserAgent == "" {
		opt.UserAgent = "samvirke"
	}
	t := newTransport(opt)
	s := &Sender{transport: t, opt: opt, now: time.Now}
	var wire http.RoundTripper = t
	if proxy, err := t.Proxy(&http.Request{URL: u}); canProbe && u.Scheme == "http" && proxy == nil && err == nil {
		s.direct = newDirect(t, opt.MaxIdlePerHost, opt.MaxConns)
		wire = s.direct
	}
	s.client = newClient(opt, wire)
	if s.direct != nil {
		s.plain = newPlain(s.client, opt.URL)
	}
	s.seconds = register(opt.Registerer, prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "samvirke_rest_send_seconds", Help: "Time of one request to a party, by party and class of outcome.",
		Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, 1, 5, 30},
	}, []string{"party", "class"}))
	s.taken = s.seconds.WithLabelValues(opt.Party, "taken")
	return s, nil
}

func newTransport(opt ClientOptions) *http.Transport {
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            (&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, Certificates: opt.Certificates, RootCAs: opt.CA, ServerName: opt.ServerName},
		TLSHandshakeTimeout:    10 * time.Second,
		ForceAttemptHTTP2:      true,
		MaxIdleConns:           opt.MaxIdlePerHost,
		MaxIdleConnsPerHost:    opt.MaxIdlePerHost,
		MaxConnsPerHost:        opt.MaxConns,
		IdleConnTimeout:        90 * time.Second,
		MaxResponseHeaderBytes: 64 << 10,
		WriteBufferSize:        writeBuffer,
		DisableCompression:     true, // an answer is small, and a packed one could be a bomb
	}
}

func newClient(opt ClientOptions, t http.RoundTripper) *resty.Client {
	c := resty.NewWithClient(&http.Client{Transport: t}). // no cookie jar: parties keep no session with us
								SetRetryCount(0). // the queue owns retries
								SetDoNotParseResponse(true).
								SetLogger(silent{}).
								SetHeader("User-Agent", opt.UserAgent).
								SetHeader("Accept", "application/xml, application/fhir+json, application/fhir+xml, application/json;q=0.9, */*;q=0.1").
								SetRedirectPolicy(resty.RedirectPolicyFunc(func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }))
	if opt.Token != "" {
		c.SetHeader("Authorization", "Bearer "+opt.Token)
	}
	return c
}

// silent keeps the client library from writing to standard error; what it would say comes back as error.
type silent struct{}

func (silent) Errorf(string, ...any) {}
func (silent) Warnf(string, ...any)  {}
func (silent) Debugf(string, ...any) {}

// Send posts the body once. With a 4xx or 5xx the Result may still hold a Body: the receiver's
// reasons, for instance a negative receipt.
func (s *Sender) Send(ctx context.Context, d samvirke.Delivery) (connectors.Result, error) {
	return s.sendTo(ctx, d, s.opt.URL)
}

// SendTo posts the body once to another address on the machine of the party: scheme, host and port must be those of
// ClientOptions.URL, so that what a party writes into a subscription leads nowhere else.
func (s *Sender) SendTo(ctx context.Context, d samvirke.Delivery, to string) (connectors.Result, error) {
	a, err := url.Parse(to)
	own, _ := url.Parse(s.opt.URL) // NewSender has read it
	if err != nil || a.User != nil || a.Scheme != own.Scheme || !strings.EqualFold(a.Hostname(), own.Hostname()) || port(a) != port(own) {
		return connectors.Result{}, &samvirke.Fault{Class: samvirke.Permanent, Code: "address-not-allowed", Safe: "the address is not on the machine that is configured for the party"}
	}
	return s.sendTo(ctx, d, to)
}

// port is the port of a URL, also where it does not say.
func port(u *url.URL) string {
	switch p := u.Port(); {
	case p != "":
		return p
	case u.Scheme == "https":
		return "443"
	}
	return "80"
}

func (s *Sender) sendTo(ctx context.Context, d samvirke.Delivery, to string) (connectors.Result, error) {
	start := time.Now()
	res, fault := s.send(ctx, d, to, start)
	took := time.Since(start).Seconds()
	if fault != nil {
		s.seconds.WithLabelValues(s.opt.Party, string(fault.Class)).Observe(took)
		return res, fault
	}
	s.taken.Observe(took)
	return res, nil
}

func (s *Sender) send(ctx context.Context, d samvirke.Delivery, to string, start time.Time) (connectors.Result, *samvirke.Fault) {
	limit := start.Add(s.opt.Timeout)
	// The caller's own limit is the usual one; a second timer for the same moment would be waste.
	if theirs, ok := ctx.Deadline(); !ok || limit.Before(theirs) {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadlineCause(ctx, limit, errTimeout)
		defer cancel()
	}
	raw, err := s.post(ctx, &d, to)
	if err != nil {
		return connectors.Result{Answer: "no answer"}, classifyError(ctx, err)
	}
	defer raw.Body.Close()
	res := connectors.Result{Answer: statusText(raw.StatusCode)}
	fault := Classify(raw.StatusCode, raw.Header, s.now())
	// An answer that breaks off or is too large never turns "taken" into "try again": the receiver
	// has the bytes. It loses the receipt at most, and then the receipt's clock tells.
	answer, err := readAnswer(raw, s.opt.MaxAnswer)
	switch {
	case err != nil:
		res.Answer += ", answer broke off"
	case int64(len(answer)) > s.opt.MaxAnswer:
		res.Answer += ", answer over the size limit"
	default:
		if ct := raw.Header.Get("Content-Type"); mayBeReceipt(ct, answer) {
			res.Body, res.ContentType = answer, ct
		}
	}
	return res, fault
}

// post sends the request and reads the head of the answer.
func (s *Sender) post(ctx context.Context, d *samvirke.Delivery, to string) (*http.Response, error) {
	if s.plain.fits(d, to) {
		return s.plain.send(ctx, s.direct, d)
	}
	// The client library copies bytes twice, but reads a reader where it lies.
	req := s.client.R().SetContext(ctx).SetBody(bytes.NewReader(d.Body))
	eachHeader(d, func(name, v string) { req.Header[name] = []string{v} })
	resp, err := req.Post(to)
	if err != nil {
		return nil, err
	}
	return resp.RawResponse, nil
}

// statusText is the answer in short.
func statusText(status int) string {
	switch status { // the usual ones without making a text
	case http.StatusOK:
		return "HTTP 200"
	case http.StatusAccepted:
		return "HTTP 202"
	}
	return "HTTP " + strconv.Itoa(status)
}

// knownAnswer is the largest answer for which its announced length is believed before it came. Unit: bytes.
const knownAnswer = 64 << 10

// readAnswer reads the answer; one byte more than most shows that there is more.
func readAnswer(raw *http.Response, most int64) ([]byte, error) {
	switch n := raw.ContentLength; {
	case n == 0:
		return nil, nil
	case n > 0 && n <= min(most, knownAnswer):
		b := make([]byte, n)
		_, err := io.ReadFull(raw.Body, b)
		return b, err
	}
	return io.ReadAll(io.LimitReader(raw.Body, most+1))
}

// Close ends idle connections. Requests under way end by themselves.
func (s *Sender) Close() error {
	s.transport.CloseIdleConnections()
	if s.direct != nil {
		s.direct.close()
	}
	return nil
}

// contentTypeOf is that of the delivery; without a usable one, what the first character says.
func contentTypeOf(d samvirke.Delivery) string {
	if headerSafe(d.ContentType) {
		return d.ContentType
	}
	switch first(d.Body) {
	case '<':
		return "application/xml"
	case '{':
		return "application/fhir+json"
	}
	return "application/octet-stream"
}

// first is the first byte of b after white space and a byte order mark; 0 when there is none.
func first(b []byte) byte {
	b = bytes.TrimSpace(bytes.TrimPrefix(b, []byte("\xef\xbb\xbf")))
	if len(b) == 0 {
		return 0
	}
	return b[0]
}

// headerSafe tells whether s can be a header value: a message id comes from outside.
func headerSafe(s string) bool {
	return s != "" && len(s) <= 256 && !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' })
}

// mayBeReceipt tells whether an answer is XML or JSON: AppRec, OperationOutcome or a FHIR message.
// Some systems write no useful content type, then the first character decides.
func mayBeReceipt(contentType string, b []byte) bool {
	c := first(b)
	switch contentType {
	case "application/xml", "text/xml", "application/fhir+json":
		return c != 0
	}
	media, _, err := mime.ParseMediaType(contentType)
	if c != 0 && err == nil && media != "application/octet-stream" && media != "text/plain" {
		return strings.HasSuffix(media, "xml") || strings.HasSuffix(media, "json")
	}
	return c == '<' || c == '{'
}
