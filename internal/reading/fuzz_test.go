package reading

import (
	"testing"
)

// FuzzNarrative: whatever stands in a div, what is written is harmless.
func FuzzNarrative(f *testing.F) {
	for _, a := range attacks {
		f.Add(a)
	}
	f.Add(`<div xmlns="http://www.w3.org/1999/xhtml"><p>a<br/>b</p><table><tr><td colspan="2">x</td></tr></table></div>`)
	f.Add(`<p/><div/><b/><title/>x`)
	f.Fuzz(func(t *testing.T, div string) {
		if len(div) > 1<<16 {
			return
		}
		harmless(t, "narrative", []byte("<!doctype html><body><div>"+string(narrative(div))+"</div>"))
		harmless(t, "text", []byte("<!doctype html><body><div>"+string(paragraphs(div))+"</div>"))
	})
}
