package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"mime"
	"strconv"
	"strings"

	"github.com/samvirke/samvirke/fhir"
	"github.com/samvirke/samvirke/fhir/fhirxml"
)

// Media types of FHIR R4.
const (
	mediaJSON = "application/fhir+json"
	mediaXML  = "application/fhir+xml"
)

// format is the form of an answer.
type format struct{ xml, pretty bool }

func (f format) contentType() string {
	if f.xml {
		return mediaXML + "; charset=utf-8"
	}
	return mediaJSON + "; charset=utf-8"
}

func (f format) bytes(n *fhir.Node) ([]byte, error) {
	if f.xml {
		b, _, err := fhirxml.Render(n, fhirxml.Style{Indent: f.pretty})
		if err != nil {
			return nil, fmt.Errorf("%w: %w", errFormat, err)
		}
		return b, nil
	}
	b := n.Bytes()
	if !f.pretty {
		return b, nil
	}
	var out bytes.Buffer
	if err := json.Indent(&out, b, "", "  "); err != nil {
		return nil, fmt.Errorf("%w: %w", errFormat, err)
	}
	return out.Bytes(), nil
}

// negotiate finds the form that the caller likes best; the _format parameter beats the header. ok is false when it
// can read nothing that we write.
//
// Source: FHIR R4, http.html section 3.1.0.1.11.
func negotiate(accept []string, parameter, pretty string) (f format, ok bool) {
	f.pretty = pretty == "true"
	if parameter != "" {
		// A plus sign that was not escaped has become a space.
		f.xml, ok = mediaKind(strings.ReplaceAll(parameter, " ", "+"))
		return f, ok
	}
	best := 0.0
	any := true
	for _, header := range accept {
		for _, part := range strings.Split(header, ",") {
			if strings.TrimSpace(part) == "" {
				continue
			}
			any = false
			xml, known := mediaKind(part)
			q := quality(part)
			if known && q > best {
				best, f.xml, ok = q, xml, true
			}
		}
	}
	return f, ok || any
}

// mediaKind tells whether a media type is one of those for XML or JSON.
func mediaKind(text string) (xml, ok bool) {
	media, params, err := mime.ParseMediaType(strings.TrimSpace(text))
	if err != nil && media == "" {
		media, _, _ = strings.Cut(strings.TrimSpace(text), ";")
	}
	if v := params["fhirversion"]; v != "" && v != "4.0" && v != "4.0.1" {
		return false, false
	}
	switch strings.ToLower(media) {
	case "json", mediaJSON, "application/json", "text/json", "application/json+fhir", "*/*", "application/*", "text/*", "text/html":
		return false, true
	case "xml", mediaXML, "application/xml", "text/xml", "application/xml+fhir":
		return true, true
	}
	return false, false
}

func quality(part string) float64 {
	_, params, err := mime.ParseMediaType(part)
	if err != nil || params["q"] == "" {
		return 1
	}
	q, err := strconv.ParseFloat(params["q"], 64)
	if err != nil || q < 0 || q > 1 {
		return 0
	}
	return q
}
