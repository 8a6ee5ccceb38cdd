package cuda

import (
	"encoding/binary"

	"onestep/kernels"
)

// tablePart is how many elements of one buffer a block has.
const tablePart = 4096

// table puts lists of buffers into device memory, for kernels that go through all of them: the i-th buffers of all lists have one length, or
// are not given. It returns the address and the words of a row, two parameters, and how many blocks there are. The table has words of 64 bits: for
// every block its row and its part of the row's buffers, 32 bits each, then the rows: length, whether all are aligned (32 bits each), addresses.
func (d *Device) table(lists ...[]kernels.Buf) (args []Arg, blocks int) {
	var parts, rows []byte
	word := func(to []byte, low, high int) []byte {
		return binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint32(to, uint32(low)), uint32(high))
	}
	row := 0
	for i, b := range lists[0] {
		if b.Len == 0 {
			continue
		}
		mustIndex("a buffer", b.Len)
		for part := range ceil(b.Len, tablePart) {
			parts = word(parts, row, part)
		}
		row++
		whole := 1
		var addresses []byte
		for _, list := range lists {
			if list[i].Given() {
				Ptr(list[i]) // must be the device's
			}
			if !aligned(list[i]) {
				whole = 0
			}
			addresses = binary.LittleEndian.AppendUint64(addresses, list[i].Addr)
		}
		rows = append(word(rows, b.Len, whole), addresses...)
	}
	if row == 0 {
		return nil, 0
	}
	return []Arg{d.constant(append(parts, rows...)), I32(1 + len(lists))}, len(parts) / 8
}
