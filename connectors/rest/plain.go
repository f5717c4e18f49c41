package rest

import (
	"context"
	"net/http"
	"strconv"

	"github.com/go-resty/resty/v2"

	"github.com/samvirke/samvirke"
)

// plain is what the usual requests to a party have in common: they are written at once, as the client library and net/http would
// have direct write them, because what those make around each request (copies of heads, contexts and requests) costs more than
// the wire.
type plain struct {
	to string
	// req tells direct where to go and what is answered; it is never changed.
	req *http.Request
	// head is the begin of each request.
	head []byte
}

// newPlain gives nil when requests to this address are none that direct writes.
func newPlain(client *resty.Client, to string) *plain {
	req, err := http.NewRequest(http.MethodPost, to, http.NoBody) //nolint:noctx // it is a pattern, nobody sends it
	if err != nil {
		return nil
	}
	req.Header = client.Header.Clone()
	if !usualHead(req) {
		return nil
	}
	return &plain{to: to, req: req, head: appendHead(nil, req)}
}

// fits tells whether a delivery is usual.
func (p *plain) fits(d *samvirke.Delivery, to string) bool {
	return p != nil && to == p.to && len(d.Body) > 0 && len(d.Body) <= maxDirect
}

// send posts a delivery that fits.
func (p *plain) send(ctx context.Context, by *direct, d *samvirke.Delivery) (*http.Response, error) {
	room, _ := by.heads.Get().(*[]byte)
	if room == nil {
		room = new([]byte)
	}
	defer by.heads.Put(room)
	b := (*room)[:0]
	b = append(b, p.head...)
	eachHeader(d, func(name, v string) {
		b = append(b, "\r\n"...)
		b = append(b, name...)
		b = append(b, ": "...)
		b = append(b, v...)
	})
	b = append(b, "\r\nContent-Length: "...)
	b = strconv.AppendInt(b, int64(len(d.Body)), 10)
	b = append(b, "\r\n\r\n"...)
	b = append(b, d.Body...)
	*room = b[:0]
	return by.exchange(ctx, p.req, b)
}

// eachHeader gives the fields that differ from delivery to delivery, in a form that can stand in a head.
func eachHeader(d *samvirke.Delivery, set func(name, v string)) {
	set("Content-Type", contentTypeOf(*d))
	for _, v := range [...][2]string{{"X-Request-Id", d.ID}, {"Message-Id", d.ExternalID}, {"Traceparent", d.TraceParent}} {
		if headerSafe(v[1]) {
			set(v[0], v[1])
		}
	}
}
