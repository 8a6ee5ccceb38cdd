// Package data is where training and reference images come from: IDX files (MNIST and its kin) and folders of PNG and JPEG
// files, read into memory as bytes.
package data
