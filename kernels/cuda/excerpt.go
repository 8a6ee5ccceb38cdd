package cuda

import (
	"regexp"
	"strings"
)

var entryName = regexp.MustCompile(`(?:\.visible\s+|\.weak\s+)?\.entry\s+([\w$]+)`)

// excerpt is a module with one entry of it alone, on the same lines. The driver compiles all that it is given, and a module may have a kernel for
// each of many shapes, of which a run needs a few.
func excerpt(ptx, entry string) string {
	var b strings.Builder
	begin, depth := 0, 0 // of the statement that is being read; of braces
	for i := 0; i < len(ptx); i++ {
		switch c := ptx[i]; {
		case c == '/' && strings.HasPrefix(ptx[i:], "//"):
			i += length(ptx[i:], "\n") - 1
		case c == '/' && strings.HasPrefix(ptx[i:], "/*"):
			i += length(ptx[i:], "*/") - 1
		case c == '{':
			depth++
		case c == '}':
			if depth--; depth == 0 {
				keep(&b, ptx[begin:i+1], entry)
				begin = i + 1
			}
		}
	}
	b.WriteString(ptx[begin:])
	return b.String()
}

// length is the number of bytes up to and with the first end.
func length(s, end string) int {
	if i := strings.Index(s, end); i >= 0 {
		return i + len(end)
	}
	return len(s)
}

// keep writes the text up to the end of a body, the body being left out if it is another entry's.
func keep(b *strings.Builder, text, entry string) {
	head, _, _ := strings.Cut(text, "{")
	at := entryName.FindStringSubmatchIndex(comment.ReplaceAllStringFunc(head, blank))
	if at == nil || text[at[2]:at[3]] == entry {
		b.WriteString(text)
		return
	}
	b.WriteString(text[:at[0]])
	b.WriteString(strings.Repeat("\n", strings.Count(text[at[0]:], "\n")))
}

// blank is as many spaces.
func blank(s string) string { return strings.Repeat(" ", len(s)) }
