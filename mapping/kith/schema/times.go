package schema

// checkTime takes dates and times of the years 1 to 9999. Forms that XSD also has and nobody writes
// (other years, 24:00:00) are left to the library.
func checkTime(v string, k kind) verdict {
	r := timeReader{v: v}
	if k != clock {
		r.year()
		if k != year {
			r.expect('-')
			r.month = r.two(1, 12)
		}
		if k == date || k == dateTime {
			r.expect('-')
			r.day(r.two(1, 31))
		}
	}
	if k == dateTime {
		r.expect('T')
	}
	if k == dateTime || k == clock {
		r.clock()
	}
	r.zone()
	if r.out == good && r.at < len(v) {
		return bad
	}
	return r.out
}

type timeReader struct {
	v       string
	at      int
	yearIs  int
	month   int
	out     verdict
	stopped bool
}

func (r *timeReader) fail(v verdict) {
	if !r.stopped {
		r.out, r.stopped = v, true
	}
}

// digit gives the next one; -1 when there is none.
func (r *timeReader) digit() int {
	if r.at < len(r.v) {
		if c := r.v[r.at]; c >= '0' && c <= '9' {
			r.at++
			return int(c - '0')
		}
	}
	return -1
}

func (r *timeReader) expect(c byte) {
	if r.at >= len(r.v) || r.v[r.at] != c {
		r.fail(bad)
		return
	}
	r.at++
}

// year reads four digits.
func (r *timeReader) year() {
	if len(r.v) > 0 && r.v[0] == '-' {
		r.fail(unsure)
		return
	}
	for range 4 {
		d := r.digit()
		if d < 0 {
			r.fail(bad)
			return
		}
		r.yearIs = 10*r.yearIs + d
	}
	if r.yearIs == 0 || r.digit() >= 0 {
		r.fail(unsure)
	}
}

// two reads two digits within bounds.
func (r *timeReader) two(low, high int) int {
	a := r.digit()
	b := r.digit()
	if a < 0 || b < 0 || 10*a+b < low || 10*a+b > high {
		r.fail(bad)
		return 0
	}
	return 10*a + b
}

func (r *timeReader) day(d int) {
	most := 31
	switch r.month {
	case 4, 6, 9, 11:
		most = 30
	case 2:
		most = 28
		if r.yearIs%4 == 0 && (r.yearIs%100 != 0 || r.yearIs%400 == 0) {
			most = 29
		}
	}
	if d > most {
		r.fail(bad)
	}
}

func (r *timeReader) clock() {
	if len(r.v) >= r.at+2 && r.v[r.at:r.at+2] == "24" {
		r.fail(unsure)
		return
	}
	r.two(0, 23)
	r.expect(':')
	r.two(0, 59)
	r.expect(':')
	r.two(0, 59)
	if r.at < len(r.v) && r.v[r.at] == '.' {
		r.at++
		from := r.at
		for r.digit() >= 0 {
		}
		if r.at == from {
			r.fail(bad)
		}
		if r.at-from > 9 {
			r.fail(unsure)
		}
	}
}

// zone reads nothing, Z or a difference of up to 14 hours.
func (r *timeReader) zone() {
	if r.stopped || r.at == len(r.v) {
		return
	}
	switch r.v[r.at] {
	case 'Z':
		r.at++
	case '+', '-':
		r.at++
		h := r.two(0, 14)
		r.expect(':')
		if m := r.two(0, 59); h == 14 && m > 0 {
			r.fail(bad)
		}
	default:
		r.fail(bad)
	}
}
