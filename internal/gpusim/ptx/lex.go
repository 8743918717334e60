package ptx

import (
	"fmt"
	"strings"
)

type tokenKind int

const (
	tokenEnd tokenKind = iota
	tokenWord
	tokenNumber
	tokenString
	tokenMark // one character of punctuation
)

type token struct {
	kind     tokenKind
	text     string
	line     int
	from, to int // where it is in the text
}

// lex cuts a text into tokens; the last one is tokenEnd. Comments and debug lines (.loc, .file) are dropped.
func lex(text string) ([]token, error) {
	var tokens []token
	line := 1
	for i := 0; i < len(text); {
		c := text[i]
		switch {
		case c == '\n':
			line++
			i++
		case c == ' ' || c == '\t' || c == '\r' || c == 0:
			i++
		case strings.HasPrefix(text[i:], "//"):
			i += lineEnd(text[i:])
		case strings.HasPrefix(text[i:], "/*"):
			n := strings.Index(text[i:], "*/")
			if n < 0 {
				return nil, fmt.Errorf("line %d: comment without end", line)
			}
			line += strings.Count(text[i:i+n], "\n")
			i += n + 2
		case c == '"':
			n := strings.IndexAny(text[i+1:], "\"\n")
			if n < 0 || text[i+1+n] == '\n' {
				return nil, fmt.Errorf("line %d: string without end", line)
			}
			tokens = append(tokens, token{tokenString, text[i+1 : i+1+n], line, i, i + n + 2})
			i += n + 2
		case isWordStart(c):
			n := wordLen(text[i:])
			word := text[i : i+n]
			if word == ".loc" || word == ".file" {
				i += lineEnd(text[i:])
				continue
			}
			tokens = append(tokens, token{tokenWord, word, line, i, i + n})
			i += n
		case '0' <= c && c <= '9':
			n := 1
			for i+n < len(text) && (isWordStart(text[i+n]) && text[i+n] != '%' || isDigit(text[i+n])) {
				n++
			}
			tokens = append(tokens, token{tokenNumber, text[i : i+n], line, i, i + n})
			i += n
		case strings.IndexByte("{}[]()<>,;:=@!|+-~*", c) >= 0:
			tokens = append(tokens, token{tokenMark, text[i : i+1], line, i, i + 1})
			i++
		default:
			return nil, fmt.Errorf("line %d: unexpected %q", line, c)
		}
	}
	return append(tokens, token{tokenEnd, "end of text", line, len(text), len(text)}), nil
}

func lineEnd(s string) int {
	if n := strings.IndexByte(s, '\n'); n >= 0 {
		return n
	}
	return len(s)
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func isWordStart(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || c == '_' || c == '$' || c == '%' || c == '.'
}

// wordLen is the length of the word that s begins with: dots are part of it (ld.global.f32, %tid.x), and so is "::"
// before a letter (.L2::128B).
func wordLen(s string) int {
	n := 1
	for n < len(s) {
		switch c := s[n]; {
		case isDigit(c), isWordStart(c) && c != '%':
			n++
		case strings.HasPrefix(s[n:], "::") && n+2 < len(s) && (isWordStart(s[n+2]) || isDigit(s[n+2])):
			n += 2
		default:
			return n
		}
	}
	return n
}
