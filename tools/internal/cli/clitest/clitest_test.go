package clitest

import "testing"

func TestWithSection(t *testing.T) {
	const full = "head\n\n## a\n\none\n\n## b\n\ntwo\n\n## c\n\nthree\n"
	for name, c := range map[string]struct{ page, section string }{
		"nothing yet is different": {full, "## b\n\ntwo\n"},
		"replaced":                 {"old head\n\n## a\n\none\n\n## b\n\nold\n\n## c\n\nthree\n", "## b\n\ntwo\n"},
		"first":                    {"head\n\n## b\n\ntwo\n\n## c\n\nthree\n", "## a\n\none\n"},
		"in the middle":            {"head\n\n## a\n\none\n\n## c\n\nthree\n", "## b\n\ntwo\n\n"},
		"last":                     {"head\n\n## a\n\none\n\n## b\n\ntwo\n", "## c\n\nthree\n"},
	} {
		if got := withSection(c.page, "head\n", c.section); got != full {
			t.Errorf("%s: %q", name, got)
		}
	}
	if got := withSection("", "head\n", "## a\n\none\n"); got != "head\n\n## a\n\none\n" {
		t.Errorf("an empty page: %q", got)
	}
}
