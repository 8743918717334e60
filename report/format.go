package report

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// number writes a figure with four significant digits. A value that is not finite is a word.
func number(v float64) string {
	switch {
	case math.IsNaN(v):
		return "–"
	case math.IsInf(v, 1):
		return "∞"
	case math.IsInf(v, -1):
		return "−∞"
	case v == 0:
		return "0"
	}
	rounded, _ := strconv.ParseFloat(strconv.FormatFloat(v, 'e', 3, 64), 64) // it decides the form: 9.9999 is 10.00
	a := math.Abs(rounded)
	if a >= 1e7 || a < 1e-4 {
		mantissa, exponent, _ := strings.Cut(strconv.FormatFloat(v, 'e', 2, 64), "e")
		n, _ := strconv.Atoi(exponent)
		return minus(mantissa) + "e" + strconv.Itoa(n)
	}
	digits := min(6, max(0, 3-int(math.Floor(math.Log10(a)))))
	text := strconv.FormatFloat(v, 'f', digits, 64)
	if a >= 1e4 {
		return minus(thousands(text))
	}
	return minus(text)
}

// minus replaces the hyphen by the typographical minus sign.
func minus(s string) string {
	if strings.HasPrefix(s, "-") {
		return "−" + s[1:]
	}
	return s
}

// thousands groups the digits of a whole number by narrow spaces.
func thousands(s string) string {
	sign := ""
	if strings.HasPrefix(s, "-") {
		sign, s = "-", s[1:]
	}
	var groups []string
	for len(s) > 3 {
		groups = append([]string{s[len(s)-3:]}, groups...)
		s = s[:len(s)-3]
	}
	return sign + strings.Join(append([]string{s}, groups...), "\u202f")
}

func integer(n int) string { return minus(thousands(strconv.Itoa(n))) }

// count writes a large count with a unit: 153.3 M, 1.07 M, 73.3 k.
func count(n int64) string {
	v := float64(n)
	for _, u := range []struct {
		size, least float64 // least: a smaller number is not rounded to the unit
		name        string
	}{{1e9, 999.95e6, "G"}, {1e6, 999.95e3, "M"}, {1e3, 1e3, "k"}} {
		if math.Abs(v) >= u.least {
			digits := 1
			if math.Abs(v/u.size) < 9.995 {
				digits = 2
			}
			return minus(strconv.FormatFloat(v/u.size, 'f', digits, 64)) + " " + u.name
		}
	}
	return minus(strconv.FormatInt(n, 10))
}

func percent(v float64) string { return strconv.FormatFloat(100*v, 'f', 1, 64) + " %" }

// duration writes a time in its two largest units: 3.2 s, 4 min 12 s, 2 h 05 min.
func duration(d time.Duration) string {
	switch { // by what it is rounded to
	case d.Round(time.Second/10) < time.Minute:
		return fmt.Sprintf("%.1f s", d.Seconds())
	case d.Round(time.Second) < time.Hour:
		d = d.Round(time.Second)
		return fmt.Sprintf("%d min %02d s", int(d.Minutes()), int(d.Seconds())%60)
	}
	d = d.Round(time.Minute)
	return fmt.Sprintf("%d h %02d min", int(d.Hours()), int(d.Minutes())%60)
}
