package kith

import (
	"strconv"
	"strings"
	"unicode"
)

// dateVerdict is what a search for one date in free text came to.
type dateVerdict uint8

const (
	dateNone dateVerdict = iota
	dateFound
	dateAmbiguous
)

// dateIn finds the one date that a remark such as "Funksjonsvurdering gjort 22.01.18." names,
// as YYYY-MM-DD. It reads
//
//	22.01.18  22.1.2018  22/1-18  22-01-2018  2018-01-22  220118  22012018  22. januar 2018  22 jan. 18
//
// Two different dates, or a day and month that could change places because the year comes first in
// two digits, are ambiguous: then nothing is taken. Two-digit years lie in 2000-2099.
func dateIn(text string) (string, dateVerdict) {
	found := ""
	for _, d := range datesIn(text) {
		switch {
		case d == "":
			return "", dateAmbiguous
		case found == "":
			found = d
		case found != d:
			return "", dateAmbiguous
		}
	}
	if found == "" {
		return "", dateNone
	}
	return found, dateFound
}

// datesIn lists all dates in a text; "" stands for one that can be read in two ways.
func datesIn(text string) []string {
	if !strings.ContainsAny(text, "0123456789") {
		return nil // every date begins with a number
	}
	var few [64]token
	words := tokens(few[:0], text)
	var out []string
	for i := 0; i < len(words); i++ {
		d, n := dateAt(words[i:])
		if n == 0 {
			continue
		}
		out = append(out, d)
		i += n - 1
	}
	return out
}

type token struct {
	text  string
	digit bool
}

// tokens cuts a text into runs of digits, runs of letters and single other characters, and adds them to out.
func tokens(out []token, text string) []token {
	text = strings.ToLower(text)
	from, kind := 0, rune(0) // kind of the run from from on: 'd', 'l' or 0
	for i, r := range text {
		k := rune(0)
		switch {
		case r >= '0' && r <= '9':
			k = 'd'
		case unicode.IsLetter(r):
			k = 'l'
		}
		if i > from && (k == 0 || k != kind) {
			out = append(out, token{text[from:i], kind == 'd'})
			from = i
		}
		kind = k
	}
	if from < len(text) {
		out = append(out, token{text[from:], kind == 'd'})
	}
	return out
}

// dateAt reads a date at the beginning of the tokens and says how many it took.
func dateAt(w []token) (string, int) {
	if len(w) == 0 || !w[0].digit {
		return "", 0
	}
	if len(w[0].text) == 8 || len(w[0].text) == 6 {
		if d, ok := compact(w[0].text); ok {
			return d, 1
		}
		return "", 0
	}
	if d, n := numeric(w); n > 0 {
		return d, n
	}
	return namedDate(w)
}

func compact(s string) (string, bool) {
	return ymd(s[4:], s[2:4], s[:2])
}

// numeric reads three numbers with '.', '/' or '-' between them, spaces allowed after a dot.
func numeric(w []token) (string, int) {
	parts := []string{w[0].text}
	i := 1
	for len(parts) < 3 {
		if i >= len(w) || !strings.Contains("./-", w[i].text) {
			return "", 0
		}
		dot := w[i].text == "."
		i++
		for dot && i < len(w) && w[i].text == " " {
			i++
		}
		if i >= len(w) || !w[i].digit {
			return "", 0
		}
		parts = append(parts, w[i].text)
		i++
	}
	if len(parts[0]) == 4 {
		if d, ok := ymd(parts[0], parts[1], parts[2]); ok {
			return d, i
		}
		return "", 0
	}
	d, ok := ymd(parts[2], parts[1], parts[0])
	if !ok {
		return "", 0
	}
	return d, i
}

// namedDate reads "22. januar 2018".
func namedDate(w []token) (string, int) {
	i := 1
	for i < len(w) && (w[i].text == "." || w[i].text == " ") {
		i++
	}
	if i >= len(w) {
		return "", 0
	}
	m := month(w[i].text)
	if m == 0 {
		return "", 0
	}
	i++
	for i < len(w) && (w[i].text == "." || w[i].text == " ") {
		i++
	}
	if i >= len(w) || !w[i].digit {
		return "", 0
	}
	d, ok := ymd(w[i].text, strconv.Itoa(m), w[0].text)
	if !ok {
		return "", 0
	}
	return d, i + 1
}

func month(s string) int {
	names := []string{"januar", "februar", "mars", "april", "mai", "juni", "juli", "august", "september", "oktober", "november", "desember"}
	if len(s) < 3 {
		return 0
	}
	for i, n := range names {
		if strings.HasPrefix(n, s) {
			return i + 1
		}
	}
	if s == "sept" {
		return 9
	}
	return 0
}

// ymd checks and joins the parts of a date; the year has two or four digits.
func ymd(year, month, day string) (string, bool) {
	if len(year) == 2 {
		year = "20" + year
	}
	m, err1 := strconv.Atoi(month)
	d, err2 := strconv.Atoi(day)
	y, err3 := strconv.Atoi(year)
	if err1 != nil || err2 != nil || err3 != nil || len(month) > 2 || len(day) > 2 || len(year) != 4 {
		return "", false
	}
	if y < 1900 || y > 2099 || m < 1 || m > 12 || d < 1 || d > daysIn(y, m) {
		return "", false
	}
	return year + "-" + two(m) + "-" + two(d), true
}

func daysIn(y, m int) int {
	switch m {
	case 4, 6, 9, 11:
		return 30
	case 2:
		if y%4 == 0 && (y%100 != 0 || y%400 == 0) {
			return 29
		}
		return 28
	}
	return 31
}
