package rest

import (
	"bytes"
	"compress/gzip"
	"io"
	"strings"
	"testing"
)

func zipped(t *testing.T, s string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := io.WriteString(z, s); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestBodies(t *testing.T) {
	t.Parallel()
	limit := strings.Repeat("x", 1000)
	pack := func(s string) string { return string(zipped(t, s)) }
	broken := []byte(pack(limit))
	broken[len(broken)-6] ^= 1 // the checksum
	cases := []struct {
		name, body, encoding string
		chunked              bool
		status               int
		code                 string
		wantBody             string
		wantSize             int64
	}{
		{name: "at the limit", body: limit, status: 202, wantBody: limit, wantSize: 1000},
		{name: "at the limit, chunked", body: limit, chunked: true, status: 202, wantBody: limit, wantSize: 1000},
		{name: "one over", body: limit + "y", status: 413, code: "too-large", wantBody: limit, wantSize: 1001},
		{name: "far over says its length", body: limit + limit + limit, status: 413, code: "too-large", wantBody: limit, wantSize: 3000},
		{name: "far over, chunked, says at least", body: limit + limit + limit, chunked: true, status: 413, code: "too-large", wantBody: limit, wantSize: 1001},
		{name: "empty", status: 400, code: "empty-body"},
		{name: "empty, chunked", chunked: true, status: 400, code: "empty-body"},
		{name: "gzip", body: pack("<a/>"), encoding: "gzip", status: 202, wantBody: "<a/>", wantSize: 4},
		{name: "gzip at the limit", body: pack(limit), encoding: "GZIP", status: 202, wantBody: limit, wantSize: 1000},
		{name: "gzip one over", body: pack(limit + "y"), encoding: "gzip", status: 413, code: "too-large", wantBody: limit, wantSize: 1001},
		{name: "gzip bomb", body: pack(strings.Repeat("x", 500_000)), encoding: "gzip", chunked: true, status: 413, code: "too-large", wantBody: limit, wantSize: 1001},
		{name: "gzip of nothing", body: pack(""), encoding: "gzip", status: 400, code: "empty-body"},
		{name: "gzip that is none", body: "<a/>, not packed at all", encoding: "gzip", status: 400, code: "bad-gzip"},
		{name: "gzip with wrong checksum", body: string(broken), encoding: "gzip", status: 400, code: "bad-gzip"},
		{name: "gzip cut off", body: pack(limit)[:20], encoding: "gzip", status: 400, code: "incomplete-body"},
		{name: "identity", body: "<a/>", encoding: "identity", status: 202, wantBody: "<a/>", wantSize: 4},
		{name: "other encoding", body: "x", encoding: "br", status: 415, code: "content-encoding"},
		{name: "two encodings", body: "x", encoding: "gzip, gzip", status: 415, code: "content-encoding"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := serve(t, nil)
			var body io.Reader = strings.NewReader(c.body)
			if c.chunked {
				body = io.NopCloser(body)
			}
			var headers []string
			if c.encoding != "" {
				headers = []string{"Content-Encoding", c.encoding}
			}
			resp, text := f.post(t, PathMessages, body, headers...)
			if resp.StatusCode != c.status || !strings.Contains(text, c.code) {
				t.Fatalf("got %d %s, want %d %s", resp.StatusCode, text, c.status, c.code)
			}
			got := f.keeper.all()
			if c.wantBody == "" {
				if len(got) != 0 {
					t.Fatalf("handed over %d messages, want none", len(got))
				}
				return
			}
			if len(got) != 1 || string(got[0].Body) != c.wantBody || got[0].Size != c.wantSize {
				t.Fatalf("handed over %d messages, body of %d, size %d; want %d of %d",
					len(got), len(got[0].Body), got[0].Size, len(c.wantBody), c.wantSize)
			}
			if c.status == 413 {
				checkProblem(t, resp, text, 413, "too-large", "m1")
			}
		})
	}
}

// TestBodyFitsItsMemory: the bytes are kept until the last receiver took them, so what lies idle behind
// them is paid for long.
func TestBodyFitsItsMemory(t *testing.T) {
	t.Parallel()
	for _, size := range []int{1, 100, 8 << 10, firstStep, firstStep + 1, believed, believed + 1, 3*believed + 7} {
		for _, known := range []bool{true, false} {
			h := NewHandler(ServerOptions{Receiver: &keeper{}, Parties: &Parties{}}).(*handler)
			want := bytes.Repeat([]byte("x"), size)
			announced := int64(-1)
			if known {
				announced = int64(size)
			}
			b := body{own: h.shares.party("hospital")}
			if err := h.fill(&b, io.MultiReader(bytes.NewReader(want[:size/3]), bytes.NewReader(want[size/3:])), announced); err != nil {
				t.Fatalf("%d bytes, known %v: %v", size, known, err)
			}
			if !bytes.Equal(b.bytes, want) {
				t.Errorf("%d bytes, known %v: read %d", size, known, len(b.bytes))
			}
			idle := cap(b.bytes) - len(b.bytes)
			if known && idle > 0 || idle > size/8 {
				t.Errorf("%d bytes, known %v: %d bytes of memory lie idle", size, known, idle)
			}
			if b.held < int64(len(b.bytes)) {
				t.Errorf("%d bytes, known %v: only %d are counted", size, known, b.held)
			}
		}
	}
}
