package reading

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"strings"
)

//go:embed page.html reading.css
var files embed.FS

// Renderer writes pages. It is made once and is safe for concurrent use.
type Renderer struct {
	templates *template.Template
	style     string
	hash      string
}

// NewRenderer parses the templates.
func NewRenderer() (*Renderer, error) {
	t, err := template.New("reading").Funcs(template.FuncMap{"lines": paragraphs}).ParseFS(files, "page.html")
	if err != nil {
		return nil, fmt.Errorf("parse page of a message: %w", err)
	}
	css, err := files.ReadFile("reading.css")
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(css)
	return &Renderer{templates: t, style: string(css), hash: base64.StdEncoding.EncodeToString(sum[:])}, nil
}

// Style is the style sheet that an Article needs.
func (r *Renderer) Style() string { return r.style }

// Link says where an attachment is found; "" for one that cannot be fetched.
type Link func(*Attachment) string

type articleData struct {
	*Page
	links Link
}

// Link is for the template. The caller of Article makes the addresses, never the message.
func (d articleData) Link(a Attachment) template.URL {
	return template.URL(d.links(&a)) //nolint:gosec // made by this program
}

// Contents lists the headings of the page.
func (d articleData) Contents() []Block {
	var out []Block
	for _, b := range d.Blocks {
		out = append(out, Block{ID: b.ID, Title: b.Title})
	}
	if len(d.Attachments) > 0 {
		out = append(out, Block{ID: "vedlegg", Title: "Vedlegg"})
	}
	return out
}

// Article writes the page as one article element, to stand in a page that has Style.
func (r *Renderer) Article(p *Page, link Link) (template.HTML, error) {
	var b bytes.Buffer
	if err := r.templates.ExecuteTemplate(&b, "article", articleData{p, link}); err != nil {
		return "", fmt.Errorf("write page of a message: %w", err)
	}
	return template.HTML(b.String()), nil //nolint:gosec // written by html/template
}

// Document writes the page as a file of its own: style and attachments inside, nothing loaded, no script.
func (r *Renderer) Document(w io.Writer, p *Page) error {
	article, err := r.Article(p, dataLink)
	if err != nil {
		return err
	}
	return r.templates.ExecuteTemplate(w, "document", map[string]any{
		"Title": p.Title, "Article": article, "Style": template.CSS(r.style), //nolint:gosec // our own file
		"Policy": "default-src 'none'; img-src data:; style-src 'sha256-" + r.hash + "'; base-uri 'none'; form-action 'none'",
	})
}

// dataLink puts the bytes of an attachment into the page.
func dataLink(a *Attachment) string {
	if len(a.Data) == 0 {
		return ""
	}
	return "data:" + strings.ReplaceAll(a.Type, " ", "") + ";base64," + base64.StdEncoding.EncodeToString(a.Data)
}

// Inside tells whether a link carries the file itself.
func (d articleData) Inside(link template.URL) bool { return strings.HasPrefix(string(link), "data:") }
