package driver

import (
	"bytes"
	"runtime"
	"strings"
	"unsafe"
)

// Load compiles PTX for the device.
func (d *libcuda) Load(name, ptx string) (Module, error) {
	image := append([]byte(ptx), 0)
	var pin runtime.Pinner
	pin.Pin(&image[0])
	defer pin.Unpin()

	m := d.mem
	m.opts = [...]uint32{jitErrorLog, jitErrorLogSize}
	m.vals = [...]uintptr{at(&m.log), uintptr(len(m.log))} // the size stands in the place of a pointer, and becomes what was used
	m.log[0] = 0
	err := d.call(cuModuleLoadDataEx, at(&m.out), uintptr(unsafe.Pointer(&image[0])), uintptr(len(m.opts)), at(&m.opts), at(&m.vals))
	if e, ok := err.(*Error); ok {
		log, _, _ := bytes.Cut(m.log[:], []byte{0})
		e.Hint = strings.TrimSpace(strings.Join([]string{e.Hint, name, strings.TrimSpace(string(log))}, ": "))
		e.Hint = strings.Trim(e.Hint, ": ")
	}
	return Module(m.out[0]), err
}

// Unload ends a module.
func (d *libcuda) Unload(m Module) error { return d.call(cuModuleUnload, uintptr(m)) }

// Func finds a kernel.
func (d *libcuda) Func(m Module, entry string) (Func, error) {
	n := copy(d.mem.name[:len(d.mem.name)-1], entry)
	d.mem.name[n] = 0
	err := d.call(cuModuleGetFunction, at(&d.mem.out), uintptr(m), at(&d.mem.name))
	return Func(d.mem.out[0]), err
}

// FuncInfo asks what the compiler made of a kernel.
func (d *libcuda) FuncInfo(f Func) (info FuncInfo, err error) {
	for _, a := range []struct {
		id  uintptr
		dst *int
	}{{funcRegisters, &info.Registers}, {funcLocal, &info.Local}, {funcShared, &info.Shared}, {funcMaxThreads, &info.MaxThreads}} {
		if err := d.call(cuFuncGetAttribute, at(&d.mem.out), a.id, uintptr(f)); err != nil {
			return info, err
		}
		*a.dst = int(int32(d.mem.out[0]))
	}
	return info, nil
}

// MaxDynamicShared lets a kernel have more shared memory than 48 KiB.
func (d *libcuda) MaxDynamicShared(f Func, bytes int) error {
	return d.call(cuFuncSetAttribute, uintptr(f), funcDynamicShared, uintptr(bytes))
}
