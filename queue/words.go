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
// sorted. Both engines index and ask with these, so that they find the same. Of more than MaxWords the first ones count, so
// whoever asks gives first what must be found.
func Words(texts ...string) []string {
	var out []string
	seen := map[string]bool{}
	for _, text := range texts {
		for w := range strings.FieldsFuncSeq(strings.ToLower(text), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }) {
			if len(w) > maxWord {
				w = strings.ToValidUTF8(w[:maxWord], "")
			}
			if seen[w] {
				continue
			}
			if seen[w] = true; len(seen) > MaxWords {
				slices.Sort(out)
				return out
			}
			out = append(out, w)
		}
	}
	slices.Sort(out)
	return out
}
