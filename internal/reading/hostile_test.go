package reading

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	xhtml "golang.org/x/net/html"

	"github.com/samvirke/samvirke/fhir"
	"github.com/samvirke/samvirke/mapping/kith"
	"github.com/samvirke/samvirke/mapping/mappingtest"
)

// attacks are texts that would do something in a page that is written carelessly.
var attacks = []string{
	`<script>alert(1)</script>`,
	`"><img src=x onerror=alert(1)>`,
	`' onmouseover='alert(1)`,
	`javascript:alert(1)`,
	`</style><script>alert(1)</script>`,
	`</title><svg/onload=alert(1)>`,
	`{{.Title}} ${1} <% x %>`,
	`<iframe src="https://evil.example"></iframe>`,
	`data:text/html,<script>alert(1)</script>`,
	"\u202e\u0000<b>x</b>",
}

// TestHostile puts an attack into every text of a message, one after the other and of every kind of example at
// once: the page has no element or attribute that we did not write, and the attack can be read as text.
func TestHostile(t *testing.T) {
	f, err := kith.New(kith.Options{AllowSynthetic: true})
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, e := range mappingtest.Examples(t, nil) {
		p, _ := f.Parse(e.Raw(t))
		if p == nil || p.Bundle == nil {
			continue
		}
		kind := p.Bundle.First("MessageHeader").At("eventCoding.code").Text()
		if seen[kind] {
			continue
		}
		seen[kind] = true
		for i, a := range attacks {
			poisoned := poison(p.Bundle.Root, a)
			b, err := fhir.BundleOf(poisoned)
			if err != nil {
				t.Fatal(err)
			}
			harmless(t, fmt.Sprintf("%s, attack %d", kind, i), document(t, b))
		}
	}
	if len(seen) < 15 {
		t.Errorf("only %d kinds", len(seen))
	}
}

// TestHostileNarrative: what a div may hold beside text never gets through.
func TestHostileNarrative(t *testing.T) {
	tests := []string{
		`<div xmlns="http://www.w3.org/1999/xhtml"><p onclick="alert(1)" style="background:url(https://evil.example)">Tekst</p></div>`,
		`<div><a href="javascript:alert(1)">Tekst</a></div>`,
		`<div><a href="https://evil.example/">Tekst</a></div>`,
		`<div><script>alert(1)</script>Tekst</div>`,
		`<div><style>body{display:none}</style>Tekst</div>`,
		`<div><img src="https://evil.example/x.png" onerror="alert(1)"/>Tekst</div>`,
		`<div><svg><script>alert(1)</script></svg>Tekst</div>`,
		`<div><math><mtext><table><mglyph><style><img src=x onerror=alert(1)></style></mglyph></table></mtext></math>Tekst</div>`,
		`<div><form action="https://evil.example"><input name="x"/><button>Tekst</button></form></div>`,
		`<div><iframe srcdoc="&lt;script&gt;alert(1)&lt;/script&gt;"></iframe>Tekst</div>`,
		`<div><object data="x"/><embed src="x"/><base href="https://evil.example/"/><meta http-equiv="refresh" content="0;url=https://evil.example"/>Tekst</div>`,
		`</div></section></article></main><script>alert(1)</script>Tekst`,
		`<div><p>Tekst`,
		`<div><td colspan="9999" rowspan="x" onclick="y">Tekst</td></div>`,
		`<div>` + strings.Repeat(`<b>`, 600) + `Tekst` + strings.Repeat(`</b>`, 600) + `</div>`,
		`<div><p/>Tekst<br/><title/></div>`,
		`<div><noscript><p title="</noscript><img src=x onerror=alert(1)>"></noscript>Tekst</div>`,
		`<div><textarea><img src=x onerror=alert(1)></textarea>Tekst</div>`,
	}
	for i, div := range tests {
		raw, err := json.Marshal(div)
		if err != nil {
			t.Fatal(err)
		}
		b, err := fhir.ParseBundle(fmt.Appendf(nil, `{"resourceType":"Bundle","type":"message","entry":[{"resource":{"resourceType":"MessageHeader"}},
		 {"resource":{"resourceType":"Composition","title":"T","section":[{"title":"S","text":{"status":"additional","div":%s}}]}}]}`, raw))
		if err != nil {
			t.Fatal(err)
		}
		page := document(t, b)
		harmless(t, fmt.Sprintf("narrative %d", i), page)
		if !bytes.Contains(page, []byte("Tekst")) {
			t.Errorf("narrative %d: its text is gone", i)
		}
	}
}

// TestAttachments: only what is safe opens, and what the message says of the type is not believed.
func TestAttachments(t *testing.T) {
	tests := []struct {
		name, declared, data, wantType string
		opens                          bool
	}{
		{"pdf", "application/pdf", "%PDF-1.4\n", "application/pdf", true},
		{"png", "image/png", "\x89PNG\r\n\x1a\nxxxx", "image/png", true},
		{"html as pdf", "application/pdf", "<html><script>alert(1)</script>", "application/octet-stream", false},
		{"svg", "image/svg+xml", `<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>`, "application/octet-stream", false},
		{"html", "text/html", "<script>alert(1)</script>", "application/octet-stream", false},
		{"pdf as jpg", "image/jpg", "%PDF-1.7", "application/pdf", true},
		{"text", "text/plain", "Hei på deg", "text/plain; charset=utf-8", true},
		{"text with markup", "text/plain", "Hei <script>", "application/octet-stream", false},
		{"xml", "application/xml", "<?xml version='1.0'?><a/>", "application/octet-stream", false},
		{"empty", "application/pdf", "", "application/octet-stream", false},
	}
	for _, tt := range tests {
		b, err := fhir.ParseBundle(fmt.Appendf(nil, `{"resourceType":"Bundle","type":"message","entry":[{"resource":{"resourceType":"MessageHeader"}},
		 {"resource":{"resourceType":"DocumentReference","status":"current","description":"../../etc/<b>%s","content":[{"attachment":{"contentType":"%s","data":"%s"}}]}}]}`,
			tt.name, tt.declared, base64.StdEncoding.EncodeToString([]byte(tt.data))))
		if err != nil {
			t.Fatal(err)
		}
		p := Of(b, nil)
		if len(p.Attachments) != 1 {
			t.Fatalf("%s: %d attachments", tt.name, len(p.Attachments))
		}
		a := p.Attachments[0]
		if a.Type != tt.wantType || a.Opens != tt.opens || string(a.Data) != tt.data {
			t.Errorf("%s: type %s, opens %v, %q", tt.name, a.Type, a.Opens, a.Data)
		}
		if strings.ContainsAny(a.FileName, "/\\<>\"' ") || strings.Contains(a.FileName, "..") {
			t.Errorf("%s: file name %q", tt.name, a.FileName)
		}
		harmless(t, tt.name, document(t, b))
	}
}

func document(t *testing.T, b *fhir.Bundle) []byte {
	t.Helper()
	r, err := NewRenderer()
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := r.Document(&out, Of(b, nil)); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// poison puts a text into every string of a message except references and what marks its structure.
func poison(n *fhir.Node, with string) *fhir.Node {
	if n.IsArray() {
		out := fhir.NewArray()
		for _, item := range n.Items() {
			out.Add(poison(item, with))
		}
		return out
	}
	if !n.IsObject() {
		if n.IsString() {
			return fhir.String(with)
		}
		return n
	}
	out := fhir.NewObject()
	for key, v := range n.Fields() {
		switch key {
		case "resourceType", "reference", "fullUrl", "url", "system", "type", "data":
			if v.IsString() {
				out.Set(key, v)
				continue
			}
		case "div":
			out.Set(key, fhir.String(`<div xmlns="http://www.w3.org/1999/xhtml">`+with+`</div>`))
			continue
		}
		out.Set(key, poison(v, with))
	}
	return out
}

// harmless holds a page against the list of what we write ourselves.
func harmless(t *testing.T, name string, page []byte) {
	t.Helper()
	root, err := xhtml.Parse(bytes.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	allowed := map[string]bool{}
	for _, e := range strings.Fields(`html head meta title style body main bdi article header footer section nav h1 h2 h3 h4 h5 p div span ul ol li dl dt dd
		table caption thead tbody tfoot tr th td a i b strong em u sub sup br hr pre blockquote img`) {
		allowed[e] = true
	}
	attrs := map[string]bool{}
	for _, a := range strings.Fields(`lang charset http-equiv content name class id title href download aria-labelledby aria-label aria-hidden scope colspan rowspan
		data-label src alt loading target rel dir`) {
		attrs[a] = true
	}
	for n := range root.Descendants() {
		if n.Type != xhtml.ElementNode {
			continue
		}
		if !allowed[n.Data] {
			t.Errorf("%s: element %s", name, n.Data)
		}
		for _, a := range n.Attr {
			switch {
			case !attrs[a.Key]:
				t.Errorf("%s: attribute %s of %s", name, a.Key, n.Data)
			case a.Key == "dir" && a.Val != "auto":
				t.Errorf("%s: direction %q", name, a.Val)
			case a.Key == "href" && !strings.HasPrefix(a.Val, "#") && !strings.HasPrefix(a.Val, "tel:") && !safeData(a.Val):
				t.Errorf("%s: link to %q", name, a.Val)
			case a.Key == "src" && !strings.HasPrefix(a.Val, "data:image/"):
				t.Errorf("%s: picture from %q", name, a.Val)
			}
		}
	}
}

// safeData tells whether a data link carries a type that runs nothing; such links are downloads.
func safeData(link string) bool {
	for _, t := range []string{"application/pdf", "image/png", "image/jpeg", "image/gif", "text/plain;charset=utf-8", "application/octet-stream"} {
		if strings.HasPrefix(link, "data:"+t+";base64,") {
			return true
		}
	}
	return false
}
