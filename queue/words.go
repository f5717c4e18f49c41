package queue

import (
	"slices"
	"strings"
	"unicode"
)

// Bounds of what is indexed of the troubles of one message.
const (
	// MaxWords is how many different words of one message are found by.
	MaxWords = 256
	// maxWord is the most bytes of a word that count.
	maxWord = 60
)

// Words takes texts apart into what MessageFilter.Text finds: runs of letters and digits, in small letters, each once and
// sorted. Both engines index and ask with these, so that they find the same.
func Words(texts ...string) []string {
	var out []string
	for _, text := range texts {
		out = append(out, strings.FieldsFunc(strings.ToLower(text), func(r rune) bool {
			return !unicode.IsLetter(r) && !unicode.IsDigit(r)
		})...)
	}
	for i, w := range out {
		if len(w) > maxWord {
			out[i] = strings.ToValidUTF8(w[:maxWord], "")
		}
	}
	slices.Sort(out)
	out = slices.Compact(out)
	return out[:min(len(out), MaxWords)]
}
