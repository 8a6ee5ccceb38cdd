package evaluation

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

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
		source := Source{Kind: "folder", Path: path}
		if hasJPEG(path) {
			source.Notes = []string{"there are JPEG files, whose pixels are not those that were compressed, and differ between decoders"}
		}
		return InMemory(source, m.Pixels, m.H, m.W, m.C), nil
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

// hasJPEG says whether there is a JPEG file in a folder or below.
func hasJPEG(dir string) (found bool) {
	filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		switch strings.ToLower(filepath.Ext(path)) {
		case ".jpg", ".jpeg":
			found = true
			return fs.SkipAll
		}
		return err
	})
	return found
}
