package ptx

import (
	"fmt"
	"math/big"
)

// rules checks what the table of forms cannot say.
func (in *Instruction) rules(operands []Operand) error {
	imm := func(i int) (int64, bool) {
		if i >= len(operands) || operands[i].Kind != KindImm {
			return 0, false
		}
		return int64(operands[i].Imm), true
	}
	switch in.Op {
	case "bar", "barrier":
		at := 1
		if in.Has("red") {
			at = 2
		}
		if n, ok := imm(at); ok && !in.Has("warp") && (!in.Has("red") || len(operands) == 4) && (n == 0 || n%32 != 0) {
			return fmt.Errorf("%d threads: want a multiple of 32, whole warps", n)
		}
	case "cp":
		size, isCopy := imm(2)
		switch src, ok := imm(3); {
		case isCopy && size != 4 && size != 8 && size != 16:
			return fmt.Errorf("%d bytes: want 4, 8 or 16", size)
		case isCopy && ok && src > size:
			return fmt.Errorf("%d bytes are read for %d that are written", src, size)
		}
	case "cvt":
		if in.Has("sat") && len(in.Types) == 2 && !in.Types[0].Float() && !in.Types[1].Float() && in.Types[0].holds(in.Types[1]) {
			return fmt.Errorf(".sat has no effect: every %v is a %v", in.Types[1], in.Types[0])
		}
	}
	return nil
}

// holds says whether every value of one integer type is one of another.
func (t Type) holds(u Type) bool {
	least := func(t Type) *big.Int {
		if !t.Signed() {
			return new(big.Int)
		}
		return new(big.Int).Neg(new(big.Int).Lsh(big.NewInt(1), uint(t.Bits()-1)))
	}
	most := func(t Type) *big.Int {
		return new(big.Int).Add(least(t), new(big.Int).Lsh(big.NewInt(1), uint(t.Bits())))
	}
	return least(t).Cmp(least(u)) <= 0 && most(t).Cmp(most(u)) >= 0
}
