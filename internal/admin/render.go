package admin

import (
	"bytes"
	"context"
	"embed"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"sync"
	"time"

	"github.com/samvirke/samvirke/queue"
)

//go:embed templates/*.html
var templateFiles embed.FS

//go:embed assets
var assetFiles embed.FS

// view is what every page gets.
type view struct {
	Title   string
	Section string // the entry of the navigation that is current
	// Live makes the page keep itself up to date: "list" for any event, a message id for that
	// message's events, "plan:ID" for that person's plan; "" for none.
	Live string
	// ExtraStyle is the address of a further style sheet; "" for none.
	ExtraStyle string
	Data       any

	// Filled by render.
	User, CSRF, Flash string
	Attention         int64
	Version, Instance string
	Now               time.Time
	Seq               int64
	StylePath, JSPath string
	Tables            bool // there are mapping tables to show
	HasFigures        bool
	// Lang makes the page a sheet of its own in that language, without navigation; "" for the ordinary layout.
	Lang, PrintPath string
	may             *standing
}

// May tells whether the person has a role: what the role does not allow is not offered.
func (v view) May(role string) bool { return v.may.may(role) }

// Bound tells whether the person sees plans as one organisation only.
func (v view) Bound() bool { return v.may.bound() }

// pages are the templates, one set per page, each with the layout. A set is parsed when its page is first shown: all of them
// together take 13 MB, a quarter of what lives in a gateway, and most are never looked at.
type pages struct {
	byName  map[string]func() (*template.Template, error)
	assets  map[string]assetFile
	style   string
	print   string
	script  string
	reading string
}

type assetFile struct {
	body []byte
	kind string
}

func parsePages(reading string) (*pages, error) {
	p := &pages{byName: make(map[string]func() (*template.Template, error)), assets: make(map[string]assetFile)}
	base := sync.OnceValues(func() (*template.Template, error) {
		return template.New("layout").Funcs(funcs()).ParseFS(templateFiles, "templates/layout.html", "templates/part-*.html")
	})
	names, err := fs.Glob(templateFiles, "templates/*.html")
	if err != nil {
		return nil, err
	}
	for _, n := range names {
		name := strings.TrimSuffix(path.Base(n), ".html")
		if name == "layout" || strings.HasPrefix(name, "part-") {
			continue
		}
		p.byName[name] = sync.OnceValues(func() (*template.Template, error) {
			b, err := base()
			if err != nil {
				return nil, err
			}
			t, err := b.Clone()
			if err != nil {
				return nil, err
			}
			return t.ParseFS(templateFiles, n)
		})
	}
	p.assets["reading.css"] = assetFile{body: []byte(reading), kind: "text/css; charset=utf-8"}
	p.reading = "/assets/reading.css?v=" + checksum([]byte(reading))[:12]
	return p, p.readAssets()
}

// page gives the templates of a page.
func (p *pages) page(name string) (*template.Template, error) {
	parse := p.byName[name]
	if parse == nil {
		return nil, fmt.Errorf("there is no page %q", name)
	}
	return parse()
}

func (p *pages) readAssets() error {
	kinds := map[string]string{".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}
	list, err := assetFiles.ReadDir("assets")
	if err != nil {
		return err
	}
	for _, e := range list {
		body, err := assetFiles.ReadFile("assets/" + e.Name())
		if err != nil {
			return err
		}
		p.assets[e.Name()] = assetFile{body: body, kind: kinds[path.Ext(e.Name())]}
		switch e.Name() {
		case "style.css":
			p.style = "/assets/style.css?v=" + checksum(body)[:12]
		case "print.css":
			p.print = "/assets/print.css?v=" + checksum(body)[:12]
		case "live.js":
			p.script = "/assets/live.js?v=" + checksum(body)[:12]
		}
	}
	return nil
}

// asset serves an embedded file; the address carries its checksum, so it may be kept for long.
func (s *Server) asset(w http.ResponseWriter, r *http.Request) {
	a, ok := s.pages.assets[r.PathValue("file")]
	if !ok {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", a.kind)
	w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(a.body))
}

// render writes a page. It is built whole before the first byte goes out, so that an error
// gives an error page and never half a page.
func (s *Server) render(w http.ResponseWriter, r *http.Request, x *session, status int, name string, v view) {
	v.Version, v.Instance, v.Now = s.opt.Version, s.opt.Instance, s.now()
	v.StylePath, v.JSPath, v.Tables = s.pages.style, s.pages.script, s.opt.Mappings != nil
	v.PrintPath = s.pages.print
	layout := "layout.html"
	if v.Lang != "" {
		layout = "bare"
	}
	v.HasFigures = s.opt.Figures != nil
	if x != nil {
		v.User, v.CSRF, v.may = x.user, x.csrf, x.may.Load()
		if r.Header.Get("Sec-Fetch-Dest") != "empty" { // a live update that nobody reads must not take what is told
			v.Flash = x.takeFlash()
		}
		if v.Bound() {
			v.Live = "" // that something changed may be more than they may know
		} else {
			v.Attention = s.waitingForPeople(r.Context())
		}
	}
	var b bytes.Buffer
	page, err := s.pages.page(name)
	if err == nil {
		err = page.ExecuteTemplate(&b, layout, v)
	}
	if err != nil {
		s.log.Error("page failed", "page", name, "err", err)
		http.Error(w, "The page could not be built; the cause is in the gateway's log.", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		w.Write(b.Bytes()) //nolint:errcheck // the browser has gone; nothing to do about it
	}
}

// waitingForPeople counts what stands on the attention list, for the navigation. When it cannot
// be read the page goes without it; the page's own reading tells of the trouble.
func (s *Server) waitingForPeople(ctx context.Context) int64 {
	st, err := s.store.Stats(ctx)
	if err != nil {
		return 0
	}
	late, err := s.store.Deliveries(ctx, queue.DeliveryFilter{OverdueAt: s.now().UTC(), Limit: maxAttention})
	if err != nil {
		return 0
	}
	t := totalsOf(st)
	return t.NeedsAttention() + t.Stopped + int64(len(late))
}

func funcs() template.FuncMap {
	return template.FuncMap{
		"when": when, "clock": clock, "day": day, "took": took, "bytes": byteSize, "gloss": gloss,
		"count": count, "status": statusWord, "state": stateWord, "event": eventWord,
		"plural": plural, "dict": dict, "duration": took, "join": strings.Join,
	}
}

// dict lets a template hand several values to another.
func dict(pairs ...any) (map[string]any, error) {
	if len(pairs)%2 != 0 {
		return nil, fmt.Errorf("dict wants pairs")
	}
	m := make(map[string]any, len(pairs)/2)
	for i := 0; i < len(pairs); i += 2 {
		k, ok := pairs[i].(string)
		if !ok {
			return nil, fmt.Errorf("dict wants string keys")
		}
		m[k] = pairs[i+1]
	}
	return m, nil
}
