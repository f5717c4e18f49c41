package admin

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// allPages are addresses that show every page of the course.
func allPages(h *house) []string {
	person := h.s.sealer.seal(testPatient)
	list := []string{"/overview", "/messages", "/messages?person=" + person, "/messages?status=attention&kind=LOG_INNLAGT", "/messages?party=nobody",
		"/plans", "/plans/" + person, "/plans/" + person + "?version=1", "/plans/" + person + "/diff", "/plans/" + person + "/diff?from=1&to=9",
		"/plans/" + person + "/diff?from=0&to=1", "/attention", "/parties", "/audit"}
	for _, m := range h.st.messages {
		list = append(list, "/messages/"+m.ID)
	}
	return append(list, "/messages/m0001/original", "/deliveries/d0001")
}

func TestEveryPageIsSound(t *testing.T) {
	t.Parallel()
	h := signedIn(t, newCourse(t).st)
	for _, path := range allPages(h) {
		a := h.get(path)
		if a.status != http.StatusOK {
			t.Errorf("%s: status %d, want 200", path, a.status)
			continue
		}
		checkHTML(t, path, a.body)
		checkNoNumber(t, path, a)
	}
}

func TestEmptyStoreShowsEveryPage(t *testing.T) {
	t.Parallel()
	h := signedIn(t, newFakeStore())
	for _, path := range []string{"/overview", "/messages", "/plans", "/attention", "/parties", "/audit"} {
		a := h.get(path)
		if a.status != http.StatusOK {
			t.Errorf("%s: status %d, want 200", path, a.status)
		}
		checkHTML(t, path, a.body)
	}
	for path, want := range map[string]string{"/messages": "No message has come in yet", "/plans": "There is no plan yet", "/attention": "Nothing needs a person"} {
		if !strings.Contains(h.get(path).body, want) {
			t.Errorf("%s does not say %q", path, want)
		}
	}
}

// checkNoNumber looks for the patient number in addresses: links, forms, redirects.
func checkNoNumber(t *testing.T, path string, a answer) {
	t.Helper()
	for _, m := range regexp.MustCompile(`(?:href|src|action|value|data-page)="([^"]*)"`).FindAllStringSubmatch(a.body, -1) {
		if strings.Contains(m[1], testNumber) || strings.Contains(m[1], "2.16.578.1.12.4.1.4.1") {
			t.Errorf("%s: an address holds the patient number: %s", path, m[0])
		}
	}
	if strings.Contains(a.header.Get("Location"), testNumber) {
		t.Errorf("%s: a redirect holds the patient number", path)
	}
}

// checkHTML parses a page and checks what a reader without sight or mouse relies on.
func checkHTML(t *testing.T, path, body string) {
	t.Helper()
	for _, f := range htmlFaults(body) {
		t.Errorf("%s: %s", path, f)
	}
}

// htmlFaults lists what is wrong with a page.
func htmlFaults(body string) []string {
	doc, err := html.Parse(strings.NewReader(body))
	if err != nil {
		return []string{"does not parse: " + err.Error()}
	}
	v := &htmlVisit{ids: map[string]int{}, labels: map[string]bool{}, count: map[string]int{}}
	v.walk(doc)
	faults := v.faults
	say := func(format string, args ...any) { faults = append(faults, fmt.Sprintf(format, args...)) }
	for id, n := range v.ids {
		if n > 1 {
			say("id %q stands %d times", id, n)
		}
		if strings.ContainsAny(id, " \t\n") {
			say("id %q holds a space", id)
		}
	}
	for _, ref := range v.refs {
		if v.ids[ref] == 0 {
			say("reference to a missing id %q", ref)
		}
	}
	for _, id := range v.fields {
		if !v.labels[id] {
			say("field %q has no label", id)
		}
	}
	for tag, want := range map[string]int{"h1": 1, "main": 1, "title": 1} {
		if v.count[tag] != want {
			say("%d %s, want %d", v.count[tag], tag, want)
		}
	}
	if !slices.IsSortedFunc(v.heads, func(b, a int) int { return min(0, a+1-b) }) {
		say("a level of headings is skipped: %v", v.heads)
	}
	return append(faults, nesting(body)...)
}

type htmlVisit struct {
	ids    map[string]int
	labels map[string]bool
	count  map[string]int
	refs   []string
	fields []string
	heads  []int
	faults []string
}

func attr(n *html.Node, key string) string {
	for _, a := range n.Attr {
		if a.Key == key {
			return a.Val
		}
	}
	return ""
}

func (v *htmlVisit) walk(n *html.Node) {
	if n.Type == html.ElementNode {
		v.element(n)
	}
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		v.walk(c)
	}
}

func (v *htmlVisit) element(n *html.Node) {
	v.count[n.Data]++
	if id := attr(n, "id"); id != "" {
		v.ids[id]++
	}
	for _, key := range []string{"aria-labelledby", "aria-describedby", "for", "form"} {
		v.refs = append(v.refs, strings.Fields(attr(n, key))...)
	}
	if href := attr(n, "href"); len(href) > 1 && href[0] == '#' {
		v.refs = append(v.refs, href[1:])
	}
	if attr(n, "style") != "" {
		v.faults = append(v.faults, "inline style, which the policy blocks, on "+n.Data)
	}
	switch n.Data {
	case "h1", "h2", "h3", "h4", "h5", "h6":
		v.heads = append(v.heads, int(n.Data[1]-'0'))
	case "label":
		v.labels[attr(n, "for")] = true
	case "input", "select", "textarea":
		if attr(n, "type") != "hidden" {
			v.fields = append(v.fields, attr(n, "id"))
		}
	case "script":
		if attr(n, "src") == "" {
			v.faults = append(v.faults, "inline script")
		}
	case "table":
		if n.FirstChild == nil || !hasChild(n, "caption") {
			v.faults = append(v.faults, "table without caption")
		}
	case "a", "button", "summary":
		if strings.TrimSpace(textOf(n)) == "" {
			v.faults = append(v.faults, n.Data+" without text")
		}
	case "form":
		if strings.EqualFold(attr(n, "method"), "post") && !strings.Contains(render(n), `name="csrf"`) {
			v.faults = append(v.faults, "post form without token")
		}
	}
}

func hasChild(n *html.Node, tag string) bool {
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		if c.Data == tag {
			return true
		}
	}
	return false
}

func textOf(n *html.Node) string {
	if n.Type == html.TextNode {
		return n.Data
	}
	var b strings.Builder
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		b.WriteString(textOf(c))
	}
	return b.String()
}

func render(n *html.Node) string {
	var b strings.Builder
	_ = html.Render(&b, n)
	return b.String()
}

// nesting checks that what is opened is closed in order, and that no block stands in a paragraph
// or heading (a parser would silently close it there).
func nesting(body string) []string {
	void := map[string]bool{"meta": true, "link": true, "input": true, "br": true}
	block := map[string]bool{"details": true, "div": true, "p": true, "dl": true, "ul": true, "ol": true, "table": true, "form": true, "section": true, "article": true, "h2": true, "h3": true}
	var open, faults []string
	z := html.NewTokenizer(strings.NewReader(body))
	for {
		switch z.Next() {
		case html.ErrorToken:
			if len(open) > 0 {
				faults = append(faults, fmt.Sprint("never closed: ", open))
			}
			return faults
		case html.StartTagToken:
			t := z.Token()
			if void[t.Data] {
				continue
			}
			if block[t.Data] {
				for _, o := range open {
					if o == "p" || len(o) == 2 && o[0] == 'h' && o[1] >= '1' && o[1] <= '6' {
						faults = append(faults, t.Data+" inside "+o)
					}
				}
			}
			open = append(open, t.Data)
		case html.EndTagToken:
			t := z.Token()
			if len(open) == 0 || open[len(open)-1] != t.Data {
				return append(faults, fmt.Sprintf("</%s> closes %v", t.Data, open))
			}
			open = open[:len(open)-1]
		}
	}
}

func TestHTMLFaultsAreFound(t *testing.T) {
	t.Parallel()
	good := `<html lang="en"><head><title>x</title></head><body><main><h1>x</h1><p>y</p></main></body></html>`
	if f := htmlFaults(good); len(f) > 0 {
		t.Fatalf("a sound page has faults: %v", f)
	}
	for name, bad := range map[string]string{
		"two h1": "<h1>b</h1>", "same id": `<p id="a"></p><p id="a"></p>`, "no label": `<input id="q" name="q">`, "block in p": `<p><details></details></p>`,
		"skipped heading": "<h4>x</h4>", "missing reference": `<a href="#nowhere">x</a>`, "inline style": `<p style="color:red">x</p>`, "post without token": `<form method="post"></form>`,
		"not closed": `<section><p>x</p>`, "no caption": `<table><tbody><tr><td>x</td></tr></tbody></table>`, "empty link": `<a href="/"></a>`, "inline script": `<script>1</script>`,
	} {
		if f := htmlFaults(strings.Replace(good, "<p>y</p>", bad, 1)); len(f) == 0 {
			t.Errorf("%s is not found", name)
		}
	}
}

// TestNothingFromAMessageIsMarkup puts a canary that would be markup into every field and looks
// for it unescaped on every page.
func TestNothingFromAMessageIsMarkup(t *testing.T) {
	t.Parallel()
	const canary = `"><img src=x onerror=alert(1)><script>alert(2)</script>'`
	c := newCourse(t)
	poison(c, canary)
	h := signedIn(t, c.st)
	pages := allPages(h)
	pages = append(pages, "/messages?kind="+url.QueryEscape(canary), "/sign-in?next="+url.QueryEscape("/"+canary), "/messages/"+url.PathEscape(canary))
	for _, path := range pages {
		a := h.get(path)
		if strings.Contains(a.body, "<img src=x") || strings.Contains(a.body, "<script>alert") || strings.Contains(a.body, "onerror=alert(1)><") {
			t.Errorf("%s: the canary stands there as markup", path)
		}
		if a.status == http.StatusOK {
			for _, f := range nesting(a.body) {
				t.Errorf("%s: %s", path, f)
			}
		}
	}
	if !strings.Contains(h.get(pages[6]).body, "&lt;script&gt;alert(2)") {
		t.Error("the plan page does not show the canary at all: the test looks at nothing")
	}
}
