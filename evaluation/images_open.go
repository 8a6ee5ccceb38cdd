package evaluation

import (
	"fmt"
	"os"

	"onestep/checkpoint"
	"onestep/data"
)

// OpenImages opens a .npz file of arr_0 (N,H,W,C), or a folder of images.
func OpenImages(path string) (Images, error) {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		m, err := data.ReadFolder(path)
		if err != nil {
			return nil, err
		}
		return InMemory(Source{Kind: "folder", Path: path}, m.Pixels, m.H, m.W, m.C), nil
	}
	f, all, err := checkpoint.OpenArrays(path, "arr_0")
	if err != nil {
		return nil, err
	}
	m, err := f.Images()
	if err != nil {
		return nil, fmt.Errorf("%w; it has %v", err, all)
	}
	return InMemory(Source{Kind: "npz", Path: path}, m.Pixels, m.H, m.W, m.C), nil
}
