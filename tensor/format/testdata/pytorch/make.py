"""Writes the files of this folder by PyTorch: what it saves besides plain tensors of the old types. Run with PyTorch 2.15."""
import pickle

import numpy as np
import torch

w = torch.tensor([[1.0, -2.0], [3.0, 4.5]])
torch.save({"u16": torch.tensor([1, 65535]).to(torch.uint16), "u32": torch.tensor([2**32 - 1]).to(torch.uint32),
            "u64": torch.tensor([[5, 6, 7], [8, 9, 2**40]]).to(torch.uint64).t(), "w": w}, "unsigned.pt")
torch.save({"u16": torch.tensor([1, 65535]).to(torch.uint16)}, "unsigned_legacy.pt", _use_new_zipfile_serialization=False)
torch.save({"w": w, "x": w.to(torch.float8_e4m3fn)}, "float8.pt")
torch.save({"w": w, "x": torch.tensor([1 + 2j, 3 - 4j]).conj().imag}, "negative.pt")
torch.save({"w": w}, "protocol4_legacy.pt", pickle_protocol=4, _use_new_zipfile_serialization=False)
torch.save({"w": w}, "protocol3_legacy.pt", pickle_protocol=3, _use_new_zipfile_serialization=False)
torch.save({"w": w, "f8": np.float64(0.1), "f4": np.float32(0.5), "f2": np.float16(2), "i8": np.int64(-3), "i1": np.int8(-3), "u1": np.uint8(250),
            "u2": np.uint16(65535), "u8": np.uint64(2**64 - 1), "b1": np.bool_(True)}, "numpy_scalars.pt")
torch.save({"w": w, "a": np.arange(3.0)}, "numpy_array.pt")
with open("bare.pkl", "wb") as f:
    pickle.dump({"w": w}, f)
