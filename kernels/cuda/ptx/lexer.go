package ptx

import (
	"strings"
	"unicode/utf8"
)

// A token's kind.
type tokenKind uint8

const (
	tokEOF    tokenKind = iota
	tokName             // add, %r1, $L__BB0_2, _
	tokDot              // a word after a dot, without it: f32, L2::128B, param
	tokNumber           // 1, 0x1F, 0f3F800000, 7.5
	tokString           // without its quotes
	tokPunct            // one of puncts, or a single character
)

type token struct {
	kind       tokenKind
	text       string
	line       int
	start, end int // bytes of the source
}

func (t token) String() string {
	switch t.kind {
	case tokEOF:
		return "the end of the file"
	case tokDot:
		return "." + t.text
	case tokString:
		return `"` + t.text + `"`
	}
	return t.text
}

// puncts are the operators of two characters, of constant expressions.
var puncts = []string{"<<", ">>", "<=", ">=", "==", "!=", "&&", "||", "@@"}

// lex cuts a source into tokens, the last of which is tokEOF.
func lex(src string, fail func(line int, format string, a ...any)) []token {
	tokens := make([]token, 0, len(src)/5+8)
	line := 1
	for i := 0; i < len(src); {
		c, start := src[i], i
		kind := tokPunct
		switch {
		case c == '\n':
			line++
			i++
			continue
		case c == ' ' || c == '\t' || c == '\r' || c == '\f' || c == '\v' || c == 0 && strings.Trim(src[i:], "\x00") == "":
			i++
			continue
		case strings.HasPrefix(src[i:], "//"):
			for i < len(src) && src[i] != '\n' {
				i++
			}
			continue
		case strings.HasPrefix(src[i:], "/*"):
			n := strings.Index(src[i+2:], "*/")
			if n < 0 {
				fail(line, "this comment has no end: */ is missing")
			}
			line += strings.Count(src[i:i+2+n], "\n")
			i += n + 4
			continue
		case c == '"':
			n := strings.IndexAny(src[i+1:], "\"\n")
			if n < 0 || src[i+1+n] == '\n' {
				fail(line, "this string has no end: a \" is missing")
			}
			i += n + 2
			tokens = append(tokens, token{tokString, src[start+1 : i-1], line, start, i})
			continue
		case digit(c):
			kind, i = tokNumber, number(src, i)
		case c == '.' && i+1 < len(src) && (letter(src[i+1]) || digit(src[i+1])):
			i = word(src, i+1)
			tokens = append(tokens, token{tokDot, src[start+1 : i], line, start, i})
			continue
		case letter(c) || c == '%' && i+1 < len(src) && (letter(src[i+1]) || digit(src[i+1])):
			kind, i = tokName, i+1
			for i < len(src) && (letter(src[i]) || digit(src[i])) {
				i++
			}
		case c < ' ' || c >= 0x7F:
			r, _ := utf8.DecodeRuneInString(src[i:])
			fail(line, "character %q has no place in PTX outside comments", r)
		default:
			i++
			for _, p := range puncts {
				if strings.HasPrefix(src[start:], p) {
					i = start + 2
				}
			}
		}
		tokens = append(tokens, token{kind, src[start:i], line, start, i})
	}
	return append(tokens, token{tokEOF, "", line, len(src), len(src)})
}

func digit(c byte) bool { return '0' <= c && c <= '9' }

func letter(c byte) bool { return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || c == '_' || c == '$' }

// word is the end of a modifier or directive that begins at i; colons belong to it in pairs only: L2::128B.
func word(src string, i int) int {
	for i < len(src) {
		switch {
		case letter(src[i]) || digit(src[i]):
			i++
		case strings.HasPrefix(src[i:], "::"):
			i += 2
		default:
			return i
		}
	}
	return i
}

// number is the end of a literal that begins at i: letters and digits, a fraction, an exponent with a sign.
func number(src string, i int) int {
	hex := strings.HasPrefix(src[i:], "0x") || strings.HasPrefix(src[i:], "0X") || strings.HasPrefix(src[i:], "0f") ||
		strings.HasPrefix(src[i:], "0F") || strings.HasPrefix(src[i:], "0d") || strings.HasPrefix(src[i:], "0D")
	for i < len(src) {
		c := src[i]
		switch {
		case letter(c) || digit(c):
		case c == '.' && !hex:
		case (c == '+' || c == '-') && !hex && (src[i-1] == 'e' || src[i-1] == 'E'):
		default:
			return i
		}
		i++
	}
	return i
}
