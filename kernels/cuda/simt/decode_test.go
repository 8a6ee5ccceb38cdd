package simt

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"onestep/kernels/cuda/ptx"
)

// TestDecodesCorpus: whatever the parser takes is decoded. The corpus of the parser has each form that sm_80 runs.
func TestDecodesCorpus(t *testing.T) {
	src, err := os.ReadFile("../ptx/testdata/instructions.txt")
	if err != nil {
		t.Fatal(err)
	}
	decoded := 0
	for line := range strings.Lines(string(src)) {
		rest, ok := strings.CutPrefix(line, "ok ")
		if !ok {
			continue
		}
		body, _, _ := strings.Cut(strings.TrimSpace(rest), " ## ")
		text := fmt.Sprintf(`.version 8.8
.target sm_80
.address_size 64
.global .align 16 .b8 G[64]; .shared .align 16 .b8 SH[64]; .const .align 4 .b32 C[4]={1,2,3,4}; .global .u32 g32;
.visible .entry k(.param .u64 p, .param .u32 n) {
.reg .pred p<8>; .reg .b8 c<4>; .reg .b16 h<8>; .reg .u16 us<8>; .reg .b32 r<16>; .reg .u32 u<8>; .reg .s32 s<8>; .reg .f32 f<16>;
.reg .b64 d<16>; .reg .u64 ud<4>; .reg .f64 e<8>; .reg .f16 hf<8>; .reg .f16x2 hx<8>; .local .align 8 .b8 LO[32];
%s
ret; }
`, body)
		m, err := ptx.Parse("k.ptx", text)
		if err != nil {
			t.Fatalf("%s: %v", body, err)
		}
		if _, err := Compile(m, "k", NewMemory()); err != nil {
			t.Errorf("%s: %v", body, err)
		}
		decoded++
	}
	if decoded < 380 {
		t.Errorf("the corpus has %d instructions", decoded)
	}
}
