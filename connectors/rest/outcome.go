package rest

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/samvirke/samvirke"
)

// MaxRetryAfter is the longest wait a receiver can ask for; more is cut to this.
const MaxRetryAfter = time.Hour

// Classify gives the outcome of an HTTP answer; nil means the bytes were taken.
//
//	2xx                   taken
//	408 425 429 5xx       transient, with Retry-After when it was given
//	401 403               unauthorized: our credential is wrong, a person must look
//	3xx                   permanent: a redirect could lead patient data to a stranger
//	other 4xx             permanent
//	1xx, anything else    transient: no HTTP server should answer so
func Classify(status int, header http.Header, now time.Time) *samvirke.Fault {
	if status >= 200 && status < 300 {
		return nil
	}
	f := &samvirke.Fault{Code: "http-" + strconv.Itoa(status)}
	switch {
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		f.Class, f.Safe = samvirke.Unauthorized, "the receiver does not accept our credential"
	case status == http.StatusRequestTimeout || status == http.StatusTooEarly || status == http.StatusTooManyRequests || status >= 500 && status < 600:
		f.Class, f.Safe = samvirke.Transient, "the receiver cannot take it right now"
		f.RetryAfter = retryAfter(header.Get("Retry-After"), now)
	case status >= 300 && status < 400:
		f.Class, f.Safe = samvirke.Permanent, "the receiver answered with a redirect, which is never followed"
	case status >= 400 && status < 500:
		f.Class, f.Safe = samvirke.Permanent, "the receiver refused the request"
	default:
		f.Class, f.Code, f.Safe = samvirke.Transient, "http-odd", "the receiver's answer is no valid HTTP status"
	}
	return f
}

// retryAfter reads both forms of the header, seconds and date; 0 when it is absent, odd or past.
// Source: RFC 9110 section 10.2.3.
func retryAfter(s string, now time.Time) time.Duration {
	var d time.Duration
	if n, err := strconv.ParseUint(strings.TrimSpace(s), 10, 31); err == nil {
		d = time.Duration(n) * time.Second
	} else if t, err := http.ParseTime(s); err == nil {
		d = t.Sub(now)
	}
	return min(max(d, 0), MaxRetryAfter)
}

// classifyError gives the outcome when no HTTP answer came. All of them are transient:
//
//	time-out              the receiver may have it; sending the same bytes under the same id again is harmless
//	certificate           not trusted, expired, wrong name: nothing was sent. It is transient because the
//	                      receiver (or our CA file) can be put right, after which the lane goes on by itself;
//	                      the breaker and the party's state show it meanwhile
//	refused, no such host, reset, half an answer
func classifyError(ctx context.Context, err error) *samvirke.Fault {
	f := &samvirke.Fault{Class: samvirke.Transient, Code: "unreachable", Safe: "the receiver cannot be reached", Err: withoutURL(err)}
	var (
		verify    *tls.CertificateVerificationError
		authority x509.UnknownAuthorityError
		host      x509.HostnameError
		invalid   x509.CertificateInvalidError
		alert     *net.OpError
		dns       *net.DNSError
		timeout   net.Error
	)
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded): // our limit or an earlier one of the caller
		f.Code, f.Safe = "timeout", "the receiver did not answer in time"
	case ctx.Err() != nil:
		f.Code, f.Safe = "interrupted", "sending was interrupted, it will be tried again"
	case errors.As(err, &verify), errors.As(err, &authority), errors.As(err, &host), errors.As(err, &invalid):
		f.Code, f.Safe = "certificate", "the receiver's certificate is not trusted"
	case errors.As(err, &alert) && alert.Op == "remote error": // how crypto/tls reports an alert
		f.Code, f.Safe = "tls", "the receiver refused the TLS connection"
	case errors.As(err, &dns):
		f.Code, f.Safe = "no-such-host", "the receiver's host name is not known"
	case errors.As(err, &timeout) && timeout.Timeout():
		f.Code, f.Safe = "timeout", "the receiver did not answer in time"
	}
	return f
}

// withoutURL drops the URL from a client error: a path or query could hold what no log should.
func withoutURL(err error) error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		return u.Err
	}
	return err
}
