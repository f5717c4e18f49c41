package kith

import (
	"testing"
	"time"
)

func TestTimeForms(t *testing.T) {
	for _, c := range []struct {
		in, value, form string
		level           timeLevel
	}{
		{"2026-11-02T13:05:00", "2026-11-02T13:05:00+01:00", "local", levelDateTime},
		{"2026-07-02T13:05:00", "2026-07-02T13:05:00+02:00", "local", levelInstant},
		{"2026-07-02T13:05", "2026-07-02T13:05:00+02:00", "local-minutes", levelDateTime},
		{"2026-07-02T13:05Z", "2026-07-02T13:05:00Z", "minutes", levelDateTime},
		{"2026-07-02T13:05:00.250Z", "2026-07-02T13:05:00.250Z", "", levelDateTime},
		{"2026-07-02T13:05:00-03:30", "2026-07-02T13:05:00-03:30", "", levelDateTime},
		{"1975-07-02T13:05:00", "1975-07-02T13:05:00+01:00", "local", levelDateTime},
		{"2026-07-02", "2026-07-02", "", levelDate},
		{"2026-07-02+02:00", "2026-07-02", "zone:+02:00", levelDate},
		{"2026-07-02Z", "2026-07-02", "zone:Z", levelDateTime},
		{"2026-07", "2026-07", "", levelDateTime},
		{"2012", "2012", "", levelDate},
		{"2026-07-02", "", "", levelInstant},
		{"12:00:00", "", "", levelDateTime},
		{"2026-07-02T24:00:00", "2026-07-03T00:00:00+02:00", "local-midnight", levelDateTime},
		{"2026-12-31T24:00:00", "2027-01-01T00:00:00+01:00", "local-midnight", levelInstant},
		{"2028-02-28T24:00:00.00Z", "2028-02-29T00:00:00.00Z", "midnight", levelDateTime},
		{"2026-07-02T24:00", "2026-07-03T00:00:00+02:00", "local-midnight-minutes", levelDateTime},
		{"2026-07-02T24:00:01", "", "", levelDateTime},
		{"2026-02-30T24:00:00", "", "", levelDateTime},
		{"9999-12-31T24:00:00", "", "", levelDateTime},
		{"20260110221500", "2026-01-10T22:15:00+01:00", "local-compact", levelDateTime},
		{"202607102215", "2026-07-10T22:15:00+02:00", "local-compact-minutes", levelInstant},
		{"20260110221500+14:00", "2026-01-10T22:15:00+14:00", "compact", levelDateTime},
		{"20260110240000", "2026-01-11T00:00:00+01:00", "local-compact-midnight", levelDateTime},
		{"20260110", "2026-01-10", "compact", levelDate},
		{"20260110Z", "2026-01-10", "compact-zone:Z", levelDateTime},
		{"20260110", "", "", levelInstant},
		{"20261310", "", "", levelDate},
		{"202601102515", "", "", levelDateTime},
		{"2026011022", "", "", levelDateTime},
		{"i går", "", "", levelDateTime},
	} {
		k := timeScalar{c.level}
		v, form, ok := k.read(c.in)
		if ok != (c.value != "") || v != c.value || form != c.form {
			t.Errorf("%s: got %q %q %v, want %q %q", c.in, v, form, ok, c.value, c.form)
			continue
		}
		if ok && k.write(v, form) != c.in {
			t.Errorf("%s: comes back as %s", c.in, k.write(v, form))
		}
	}
}

// TestTimeEdited: a changed value keeps the form of the source where the form can say it.
func TestTimeEdited(t *testing.T) {
	k := timeScalar{levelDateTime}
	for _, c := range []struct{ value, form, want string }{
		{"2026-07-02T08:30:00+02:00", "local", "2026-07-02T08:30:00"},
		{"2026-07-02T06:30:00Z", "local", "2026-07-02T08:30:00"},
		{"2026-12-31T23:30:00Z", "local", "2027-01-01T00:30:00"},
		{"2026-07-02T08:30:00+02:00", "local-minutes", "2026-07-02T08:30"},
		{"2026-07-02T08:30:15+02:00", "local-minutes", "2026-07-02T08:30:15"},
		{"2026-07-02", "local", "2026-07-02"},
		{"2026-07-02T22:00:00Z", "local-midnight", "2026-07-02T24:00:00"},
		{"2026-07-03T00:05:00+02:00", "local-midnight", "2026-07-03T00:05:00"},
		{"2026-07-03T08:05:00.5+02:00", "local-compact", "2026-07-03T08:05:00.5"},
		{"2026-07", "compact", "2026-07"},
		{"20T08:30:00+02:00", "local", "20T08:30:00"}, // no time at all; it must only not stop us
	} {
		if got := k.write(c.value, c.form); got != c.want {
			t.Errorf("%s as %s: got %s, want %s", c.value, c.form, got, c.want)
		}
	}
}

// TestOsloOffset compares our rule with the zone database over three decades, hour by hour around the changes.
func TestOsloOffset(t *testing.T) {
	oslo, err := time.LoadLocation("Europe/Oslo")
	if err != nil {
		t.Skipf("no zone database: %v", err)
	}
	for year := 1981; year <= 2037; year++ {
		for _, month := range []time.Month{time.January, time.March, time.September, time.October, time.December} {
			for at := time.Date(year, month, 1, 0, 30, 0, 0, time.UTC); at.Month() == month; at = at.Add(time.Hour) {
				local := at.In(oslo)
				date, clock := local.Format(time.DateOnly), local.Format(time.TimeOnly)
				_, offset := local.Zone()
				want := map[int]string{3600: "+01:00", 7200: "+02:00"}[offset]
				got := osloOffset(date, clock)
				if got == want || twice(date, clock) && got == "+02:00" {
					continue
				}
				if year < 1996 && month == time.September && clock[:2] == "02" {
					continue // the hour twice, one month earlier
				}
				t.Fatalf("%s %s: got %s, want %s", date, clock, got, want)
			}
		}
	}
}
