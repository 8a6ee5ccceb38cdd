package ptx

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// kernel is a file with one kernel, whose declarations the instructions of testdata/instructions.txt use.
func kernel(target, body string) string {
	return fmt.Sprintf(`.version 8.8
.target %s
.address_size 64
.global .align 16 .b8 G[64]; .shared .align 16 .b8 SH[64]; .const .align 4 .b32 C[4]={1,2,3,4}; .global .u32 g32;
.visible .entry k(.param .u64 p, .param .u32 n) {
.reg .pred p<8>; .reg .b8 c<4>; .reg .b16 h<8>; .reg .u16 us<8>; .reg .b32 r<16>; .reg .u32 u<8>; .reg .s32 s<8>; .reg .f32 f<16>;
.reg .b64 d<16>; .reg .u64 ud<4>; .reg .f64 e<8>; .reg .f16 hf<8>; .reg .f16x2 hx<8>; .local .align 8 .b8 LO[32];
%s
ret; }
`, target, body)
}

const bodyLine = 8 // of the kernel

// corpus calls f for each line of the corpus.
func corpus(t *testing.T, f func(verdict, body, message string)) {
	src, err := os.ReadFile("testdata/instructions.txt")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(src)) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		verdict, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		body, message, _ := strings.Cut(rest, " ## ")
		f(verdict, strings.TrimSpace(body), message)
	}
}

// TestCorpus takes and refuses what the corpus says, in its words, and prints what it takes.
func TestCorpus(t *testing.T) {
	taken, refused := 0, 0
	corpus(t, func(verdict, body, message string) {
		_, err := Parse("k.ptx", kernel("sm_80", body))
		switch {
		case verdict == "ok" && err != nil:
			t.Errorf("%s\nis refused: %v", body, err)
		case verdict == "ok":
			taken++
			again(t, body, kernel("sm_80", body))
		case err == nil:
			t.Errorf("%s\nis taken, want an error: %s", body, message)
		case message == "" || !strings.Contains(err.Error(), message):
			t.Errorf("%s\nis refused: %v\nwant: %s", body, err, message)
		case err.(*Error).Line != bodyLine:
			t.Errorf("%s: line %d, want %d", body, err.(*Error).Line, bodyLine)
		default:
			refused++
		}
	})
	t.Logf("%d instructions are taken, %d refused", taken, refused)
}

// TestCorpusAssembles holds the corpus to NVIDIA's assembler, whose path is in PTXAS.
func TestCorpusAssembles(t *testing.T) {
	ptxas := os.Getenv("PTXAS")
	if ptxas == "" {
		t.Skip("PTXAS, the path of NVIDIA's assembler, is not set")
	}
	corpus(t, func(verdict, body, _ string) {
		file := filepath.Join(t.TempDir(), "k.ptx")
		if err := os.WriteFile(file, []byte(kernel("sm_80", body)), 0o644); err != nil {
			t.Fatal(err)
		}
		out, err := exec.Command(ptxas, "-O0", "-arch=sm_80", file, "-o", os.DevNull).CombinedOutput()
		warned := strings.Contains(string(out), "conflicting with .address_size") // 32-bit addresses
		if takes := err == nil && !warned; takes == (verdict == "bad") {
			t.Errorf("%s: %s, but the assembler says %v %s", verdict, body, err, out)
		}
	})
}
