package ptx

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// constant is the value of a literal or of an expression of them (PTX ISA, "Constants"): 64 bits, signed or unsigned, or a float.
type constant struct {
	float    bool
	single   bool   // written 0f…: the float is bits32, which a NaN needs
	unsigned bool   // of an integer
	bits     uint64 // of the integer, or of the float64
	bits32   uint32 // of a single
}

func (c constant) f() float64 { return math.Float64frombits(c.bits) }

func (c constant) String() string {
	switch {
	case c.single:
		return fmt.Sprintf("0f%08X", c.bits32)
	case c.float:
		return strconv.FormatFloat(c.f(), 'g', -1, 64)
	case c.unsigned:
		return strconv.FormatUint(c.bits, 10)
	}
	return strconv.FormatInt(int64(c.bits), 10)
}

func integer(v int64) constant { return constant{bits: uint64(v)} }

func float(v float64) constant { return constant{float: true, bits: math.Float64bits(v)} }

func boolean(b bool) constant {
	if b {
		return integer(1)
	}
	return integer(0)
}

// parseNumber reads a literal: 0f and 8, 0d and 16 hexadecimal digits; decimal, 0x, 0b and octal integers with an optional U; decimal floats.
func parseNumber(s string) (constant, error) {
	low := strings.ToLower(s)
	switch {
	case strings.HasPrefix(low, "0f"):
		v, err := strconv.ParseUint(low[2:], 16, 32)
		if err != nil || len(low) != 10 {
			return constant{}, fmt.Errorf("%s: 0f is followed by 8 hexadecimal digits", s)
		}
		return constant{float: true, single: true, bits32: uint32(v), bits: math.Float64bits(float64(math.Float32frombits(uint32(v))))}, nil
	case strings.HasPrefix(low, "0d"):
		v, err := strconv.ParseUint(low[2:], 16, 64)
		if err != nil || len(low) != 18 {
			return constant{}, fmt.Errorf("%s: 0d is followed by 16 hexadecimal digits", s)
		}
		return constant{float: true, bits: v}, nil
	case !strings.HasPrefix(low, "0x") && strings.ContainsAny(low, ".e"):
		v, err := strconv.ParseFloat(low, 64)
		if err != nil || strings.ContainsAny(low, "xp_in") {
			return constant{}, fmt.Errorf("%s is no number", s)
		}
		return float(v), nil
	}
	digits, base := strings.TrimSuffix(low, "u"), 10
	for prefix, b := range map[string]int{"0x": 16, "0b": 2} {
		if strings.HasPrefix(digits, prefix) {
			digits, base = digits[2:], b
		}
	}
	if base == 10 && len(digits) > 1 && digits[0] == '0' {
		digits, base = digits[1:], 8
	}
	v, err := strconv.ParseUint(digits, base, 64)
	if err != nil {
		return constant{}, fmt.Errorf("%s is no number of 64 bits", s)
	}
	return constant{bits: v, unsigned: strings.HasSuffix(low, "u") || v > math.MaxInt64}, nil
}

// arithmetic is a∘b as in C on 64 bits: unsigned if either is, float if either is.
func arithmetic(op string, a, b constant) (constant, error) {
	switch {
	case a.float || b.float:
		return arithmeticFloat(op, a.number(), b.number())
	case (op == "/" || op == "%") && b.bits == 0:
		return constant{}, fmt.Errorf("division by zero in a constant expression")
	}
	switch op {
	case "&&":
		return boolean(a.bits != 0 && b.bits != 0), nil
	case "||":
		return boolean(a.bits != 0 || b.bits != 0), nil
	case "==":
		return boolean(a.bits == b.bits), nil
	case "!=":
		return boolean(a.bits != b.bits), nil
	case "<<", ">>": // the type is the left operand's
		return constant{bits: shift(op, a, b.bits), unsigned: a.unsigned}, nil
	}
	u := a.unsigned || b.unsigned
	var r uint64
	switch op {
	case "+":
		r = a.bits + b.bits
	case "-":
		r = a.bits - b.bits
	case "*":
		r = a.bits * b.bits
	case "/":
		if r = uint64(int64(a.bits) / int64(b.bits)); u {
			r = a.bits / b.bits
		}
	case "%":
		if r = uint64(int64(a.bits) % int64(b.bits)); u {
			r = a.bits % b.bits
		}
	case "&":
		r = a.bits & b.bits
	case "|":
		r = a.bits | b.bits
	case "^":
		r = a.bits ^ b.bits
	case "<":
		return boolean(!u && int64(a.bits) < int64(b.bits) || u && a.bits < b.bits), nil
	case ">":
		return boolean(!u && int64(a.bits) > int64(b.bits) || u && a.bits > b.bits), nil
	case "<=":
		return boolean(!u && int64(a.bits) <= int64(b.bits) || u && a.bits <= b.bits), nil
	case ">=":
		return boolean(!u && int64(a.bits) >= int64(b.bits) || u && a.bits >= b.bits), nil
	}
	return constant{bits: r, unsigned: u}, nil
}

func shift(op string, a constant, by uint64) uint64 {
	switch {
	case op == "<<":
		return a.bits << min(by, 64)
	case a.unsigned:
		return a.bits >> min(by, 64)
	}
	return uint64(int64(a.bits) >> min(by, 63))
}

// number is the value as a float64.
func (c constant) number() float64 {
	switch {
	case c.float:
		return c.f()
	case c.unsigned:
		return float64(c.bits)
	}
	return float64(int64(c.bits))
}

func arithmeticFloat(op string, a, b float64) (constant, error) {
	switch op {
	case "+":
		return float(a + b), nil
	case "-":
		return float(a - b), nil
	case "*":
		return float(a * b), nil
	case "/":
		return float(a / b), nil
	case "==":
		return boolean(a == b), nil
	case "!=":
		return boolean(a != b), nil
	case "<":
		return boolean(a < b), nil
	case ">":
		return boolean(a > b), nil
	case "<=":
		return boolean(a <= b), nil
	case ">=":
		return boolean(a >= b), nil
	}
	return constant{}, fmt.Errorf("operator %s does not take floats", op)
}

func unary(op string, a constant) (constant, error) {
	switch {
	case a.single:
		return constant{}, fmt.Errorf("no operator stands before %v; its sign is its first bit", a)
	case op == "-" && a.float:
		return float(-a.f()), nil
	case op == "-":
		return constant{bits: -a.bits, unsigned: a.unsigned && a.bits != 1<<63}, nil
	case op == "+":
		return a, nil
	case op == "!":
		return boolean(a.number() == 0), nil
	case op == "~" && !a.float:
		return constant{bits: ^a.bits, unsigned: a.unsigned}, nil
	}
	return constant{}, fmt.Errorf("operator %s does not take floats", op)
}

// precedence of the binary operators; ?: is below all.
var precedence = map[string]int{
	"||": 1, "&&": 2, "|": 3, "^": 4, "&": 5, "==": 6, "!=": 6, "<": 7, ">": 7, "<=": 7, ">=": 7, "<<": 8, ">>": 8, "+": 9, "-": 9, "*": 10, "/": 10, "%": 10,
}

// expression reads a constant expression.
func (p *parser) expression() constant { return p.ternary(0) }

// deepest is how far brackets may be nested.
const deepest = 64

func (p *parser) ternary(depth int) constant {
	if depth > deepest {
		p.fail(p.line(), "brackets are nested more than %d deep", deepest)
	}
	c := p.climb(1, depth)
	if !p.accept("?") {
		return c
	}
	a := p.ternary(depth + 1)
	p.expect(":")
	b := p.ternary(depth + 1)
	if c.number() != 0 {
		return a
	}
	return b
}

// climb reads operators of at least the given precedence.
func (p *parser) climb(least, depth int) constant {
	a := p.factor(depth)
	for {
		t := p.peek()
		prec := precedence[t.text]
		if t.kind != tokPunct || prec < least || prec == 0 {
			return a
		}
		p.next()
		b := p.climb(prec+1, depth)
		var err error
		if a, err = arithmetic(t.text, a, b); err != nil {
			p.fail(t.line, "%v", err)
		}
	}
}

func (p *parser) factor(depth int) constant {
	t := p.next()
	if depth > deepest {
		p.fail(t.line, "brackets are nested more than %d deep", deepest)
	}
	switch {
	case t.kind == tokNumber:
		c, err := parseNumber(t.text)
		if err != nil {
			p.fail(t.line, "%v", err)
		}
		return c
	case t.kind == tokName && t.text == "WARP_SZ":
		return integer(32)
	case t.kind == tokPunct && strings.Contains("+ - ! ~", t.text):
		c, err := unary(t.text, p.factor(depth+1))
		if err != nil {
			p.fail(t.line, "%v", err)
		}
		return c
	case t.text == "(" && p.peek().kind == tokDot:
		to := p.next()
		if to.text != "s64" && to.text != "u64" {
			p.fail(to.line, "a constant is cast to .s64 or .u64, not to %v", to)
		}
		p.expect(")")
		c := p.factor(depth + 1)
		if c.float {
			p.fail(to.line, "a float is not cast to %v in a constant expression", to)
		}
		c.unsigned = to.text == "u64"
		return c
	case t.text == "(" && t.kind == tokPunct:
		c := p.ternary(depth + 1)
		p.expect(")")
		return c
	}
	p.fail(t.line, "want a constant, have %v", t)
	return constant{}
}
