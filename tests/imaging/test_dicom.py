"""Every encoding gives the same values; what can't be read says why, and warns nobody."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import dicomsdl
import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import (
    MPEG2MPML,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLSLossless,
    RLELossless,
)

from validate.imaging.dicom import read_image
from validate.imaging.volume import DecodeFailure

SHIPPED = Path(pydicom.__file__).parent / "data/test_files"  # files that pydicom tests itself with


def failure(path: Path) -> DecodeFailure:
    with pytest.raises(DecodeFailure) as caught:
        read_image(path)
    return caught.value


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, DeflatedExplicitVRLittleEndian])
def test_native_encodings_give_the_stored_values(make, save, image, syntax):
    volume = read_image(save(make(image, syntax=syntax, BitsStored=12, HighBit=11)))
    np.testing.assert_array_equal(volume.voxels, image[None])
    assert volume.source["decoder"] == "numpy"


def test_big_endian_gives_native_values(make, save, image):
    # PS3.5 7.3: the words of OW are swapped by the writer; pydicom leaves that to us
    dataset = make(image)
    dataset.add_new("PixelData", "OW", image.astype(">u2").tobytes())
    dataset.set_original_encoding(False, False)
    volume = read_image(save(dataset, syntax=ExplicitVRBigEndian))
    np.testing.assert_array_equal(volume.voxels, image[None])
    assert volume.voxels.dtype.isnative


@pytest.mark.parametrize(
    ("syntax", "encoder", "decoder"),
    [
        (RLELossless, "pylibjpeg", "imagecodecs"),
        (JPEGLSLossless, "pyjpegls", "imagecodecs"),
        (JPEG2000Lossless, "pylibjpeg", "imagecodecs"),
    ],
)
def test_lossless_compression_gives_the_stored_values(make, save, image, syntax, encoder, decoder):
    dataset = make(image, BitsStored=12, HighBit=11)
    dataset.compress(syntax, encoding_plugin=encoder)
    volume = read_image(save(dataset))
    np.testing.assert_array_equal(volume.voxels, image[None])
    assert volume.source["decoder"] == decoder
    assert volume.source["transfer_syntax"] == str(syntax)


@pytest.mark.parametrize(
    "name",
    [
        "SC_rgb_jpeg_gdcm.dcm",  # JPEG lossless
        "SC_rgb_dcmtk_+eb+cy+s4.dcm",  # baseline, subsampled colour
        "SC_rgb_jpeg.dcm",  # implicit, and file meta says explicit
        "JPEGLSNearLossless_16.dcm",
        "693_J2KI.dcm",
        "J2K_pixelrep_mismatch.dcm",
        "MR_small_jpeg_ls_lossless.dcm",  # signed
        "SC_ybr_full_422_uncompressed.dcm",
        "SC_rgb_rle_32bit_2frame.dcm",
        "rtdose_rle.dcm",
        "liver_1frame.dcm",  # one bit a pixel
    ],
)
def test_shipped_files_decode_as_pydicom_does(name):
    volume = read_image(SHIPPED / name)
    dataset = pydicom.dcmread(SHIPPED / name)
    # oracle: pydicom's own way to the pixels, for lossy JPEG by Pillow, which rounds as GDCM and DCMTK do
    lossy = dataset.file_meta.TransferSyntaxUID == JPEGBaseline8Bit
    reference = pydicom.pixels.pixel_array(dataset, decoding_plugin="pillow" if lossy else "")
    if volume.voxels.ndim == 3:
        reference = pydicom.pixels.apply_modality_lut(reference, dataset)
    np.testing.assert_array_equal(volume.voxels.reshape(reference.shape), reference)


def test_lossy_jpeg_of_twelve_bits_is_that_of_another_ijg_decoder():
    volume = read_image(SHIPPED / "JPGExtended.dcm")
    np.testing.assert_array_equal(
        volume.voxels[0], dicomsdl.open(str(SHIPPED / "JPGExtended.dcm")).pixelData(storedvalue=True)
    )
    reference = pydicom.dcmread(SHIPPED / "JPGExtended.dcm").pixel_array.astype(int)  # by another transform
    assert np.abs(volume.voxels[0] - reference).max() == 1


def test_a_file_without_preamble_and_meta_is_read(make, tmp_path, image):
    whole = tmp_path / "whole.dcm"
    make(image).save_as(whole, enforce_file_format=True)
    bare = tmp_path / "bare"
    dataset = pydicom.dcmread(whole)
    pydicom.dcmwrite(
        bare, Dataset(dict(dataset.items())), implicit_vr=True, little_endian=True, enforce_file_format=False
    )
    np.testing.assert_array_equal(read_image(bare).voxels, image[None])


def test_monochrome1_is_turned_and_its_windows_with_it(make, save, image):
    volume = read_image(
        save(
            make(
                image,
                BitsStored=12,
                HighBit=11,
                PhotometricInterpretation="MONOCHROME1",
                WindowCenter=1000,
                WindowWidth=400,
            )
        )
    )
    np.testing.assert_array_equal(volume.voxels[0], 4095 - image.astype(float))  # 0 … 4095 are the 12-bit values
    assert volume.source["inverted"]
    assert volume.source["range"] == (0.0, 4095.0)
    # PS3.3 C.11.2.1.2 is symmetric about center - 0.5, hence 4095 - (1000 - 0.5) + 0.5
    assert volume.source["windows"] == [{"center": 3096.0, "width": 400.0, "function": "LINEAR"}]


def test_signed_values_keep_their_sign_whatever_the_unused_bits_hold(make, save):
    values = np.array([[-2048, -1], [0, 2047]], np.int16)
    words = (values.view(np.uint16) & 0x0FFF) | 0xA000  # rubbish in the upper four bits
    dataset = make(words.view(np.int16), BitsStored=12, HighBit=11)
    np.testing.assert_array_equal(read_image(save(dataset)).voxels[0], values)


def test_the_high_bit_says_where_in_the_word_the_value_stands(make, save):
    values = np.array([[1, 2], [4094, 4095]], np.uint16)
    dataset = make(values << 4 | 0xF, BitsStored=12, HighBit=15)
    np.testing.assert_array_equal(read_image(save(dataset)).voxels[0], values)


def test_overlay_bits_are_not_pixels(make, save, image):
    dataset = make(image | 0x8000, BitsStored=12, HighBit=11)
    np.testing.assert_array_equal(read_image(save(dataset)).voxels[0], image)


def test_impossible_bits_are_corrupt(make, save, image):
    assert failure(save(make(image, BitsStored=12, HighBit=16))).reason == "decode:corrupt"


def test_rescale_gives_modality_values(make, save, image):
    dataset = make(image, RescaleSlope=2, RescaleIntercept=-1024, Modality="CT")
    volume = read_image(save(dataset))
    np.testing.assert_array_equal(volume.voxels[0], image * 2.0 - 1024)
    assert volume.unit == "HU"
    assert volume.source["range"] == (-1024.0, 65535 * 2.0 - 1024)


@pytest.mark.parametrize("slope", ["0", "1e400"])
def test_an_impossible_rescale_is_corrupt(make, save, image, slope):
    dataset = make(image, RescaleIntercept=0)
    dataset.add_new("RescaleSlope", "DS", slope)
    assert failure(save(dataset)).reason == "decode:corrupt"


def test_each_frame_has_its_own_rescale(make, save, image):
    frames = []
    for slope in (1, 3):
        frame, line = Dataset(), Dataset()
        line.RescaleSlope, line.RescaleIntercept, line.RescaleType = slope, 5, "HU"
        frame.PixelValueTransformationSequence = Sequence([line])
        frames.append(frame)
    dataset = make(np.stack([image, image]), PerFrameFunctionalGroupsSequence=Sequence(frames))
    volume = read_image(save(dataset))
    np.testing.assert_array_equal(volume.voxels, np.stack([image + 5.0, image * 3.0 + 5]))


def test_a_modality_table_is_looked_up(make, save):
    item = Dataset()
    item.add_new("LUTDescriptor", "US", [4, 1, 16])
    item.ModalityLUTType = "US"
    item.add_new("LUTData", "US", [10, 20, 30, 40])
    dataset = make(np.array([[0, 1], [3, 9]], np.uint16), ModalityLUTSequence=Sequence([item]))
    # by hand: below the first entry (1) the first, above the last (4) the last
    np.testing.assert_array_equal(read_image(save(dataset)).voxels[0], [[10, 10], [30, 40]])


def test_float_pixels_are_read_and_must_be_numbers(make, save):
    values = np.array([[0.5, -1.5], [2.0, 8.0]], np.float32)
    dataset = make(np.zeros((2, 2), np.uint16), BitsAllocated=32)
    for keyword in ("PixelData", "BitsStored", "HighBit", "PixelRepresentation"):
        del dataset[keyword]
    dataset.FloatPixelData = values.tobytes()
    volume = read_image(save(dataset))
    np.testing.assert_array_equal(volume.voxels[0], values)
    assert volume.source["range"] == (-1.5, 8.0)
    dataset.FloatPixelData = np.full((2, 2), np.nan, np.float32).tobytes()
    assert failure(save(dataset)).reason == "decode:not_finite"


def test_colour_comes_as_rgb(make, save):
    colour = np.arange(2 * 3 * 3, dtype=np.uint8).reshape(2, 3, 3)
    volume = read_image(save(make(colour)))
    np.testing.assert_array_equal(volume.voxels, colour[None])
    assert volume.source["range"] == (0.0, 255.0)


def test_a_palette_is_applied(make, save):
    dataset = make(np.array([[0, 1], [2, 1]], np.uint8), PhotometricInterpretation="PALETTE COLOR")
    for place, name in enumerate(("Red", "Green", "Blue")):
        dataset.add_new(f"{name}PaletteColorLookupTableDescriptor", "US", [3, 0, 16])
        entries = np.array([0, 1000 * (place + 1), 65535], "<u2")
        dataset.add_new(f"{name}PaletteColorLookupTableData", "OW", entries.tobytes())
    voxels = read_image(save(dataset)).voxels[0]
    np.testing.assert_array_equal(voxels[0, 1], [1000, 2000, 3000])
    np.testing.assert_array_equal(voxels[1, 0], [65535] * 3)


def test_a_segmented_palette_is_drawn_out_before_it_is_applied(make, save):
    dataset = make(np.array([[0, 1], [2, 5], [6, 9]], np.uint8), PhotometricInterpretation="PALETTE COLOR")
    # PS3.3 C.7.9.2: two entries as they are, then a line of four to 10,000, then the same line's end held for four
    segments = np.array([0, 2, 100, 2000, 1, 4, 10000, 1, 4, 10000], "<u2")
    for name in ("Red", "Green", "Blue"):
        dataset.add_new(f"{name}PaletteColorLookupTableDescriptor", "US", [10, 0, 16])
        dataset.add_new(f"Segmented{name}PaletteColorLookupTableData", "OW", segments.tobytes())
    voxels = read_image(save(dataset)).voxels[0]
    # by hand: 100, 2000, then 2000 + 8000 * k / 4 for k = 1 to 4, then 10,000 four times
    np.testing.assert_array_equal(voxels[..., 0], [[100, 2000], [4000, 10000], [10000, 10000]])
    np.testing.assert_array_equal(voxels[..., 2], voxels[..., 0])


def test_a_segmented_palette_that_ends_too_soon_is_corrupt(make, save):
    dataset = make(np.array([[0, 1]], np.uint8), PhotometricInterpretation="PALETTE COLOR")
    for name in ("Red", "Green", "Blue"):
        dataset.add_new(f"{name}PaletteColorLookupTableDescriptor", "US", [10, 0, 16])
        dataset.add_new(f"Segmented{name}PaletteColorLookupTableData", "OW", np.array([0, 9, 100], "<u2").tobytes())
    assert failure(save(dataset)).reason == "decode:corrupt"


def test_several_frames_stay_several(make, save, image):
    assert read_image(save(make(np.stack([image, image + 1])))).voxels.shape == (2, 48, 64)


def test_spacing_is_kept_and_nonsense_is_none(make, save, image):
    assert read_image(save(make(image, PixelSpacing=[0.2, 0.1]))).spacing == (1.0, 0.2, 0.1)
    assert read_image(save(make(image, PixelSpacing=[0, 0]))).spacing is None
    assert read_image(save(make(image))).spacing is None


class TestFailures:
    def test_a_header_without_pixels(self, make, save):
        assert failure(save(make(None))).reason == "decode:no_pixel_data"

    def test_a_missing_file_is_not_named(self, tmp_path):
        caught = failure(tmp_path / "SECRET-NAME.dcm")
        assert caught.reason == "decode:missing"
        assert "SECRET" not in str(caught)

    def test_text_is_never_read_by_force(self, tmp_path):
        path = tmp_path / "licence.dcm"
        path.write_text("Permission is hereby granted, free of charge, " * 20)
        assert failure(path).reason == "decode:not_dicom"

    @pytest.mark.parametrize("kept", [0.3, 0.9, 0.999])
    def test_native_pixels_cut_short(self, make, save, image, kept):
        path = save(make(image))
        content = path.read_bytes()
        start = content.rindex(struct.pack("<HH2s", 0x7FE0, 0x0010, b"OW")) + 12
        path.write_bytes(content[: start + int(image.nbytes * kept)])
        assert failure(path).reason == "decode:truncated"

    @pytest.mark.parametrize(
        ("syntax", "encoder"),
        [(RLELossless, "pylibjpeg"), (JPEGLSLossless, "pyjpegls"), (JPEG2000Lossless, "pylibjpeg")],
    )
    @pytest.mark.parametrize("cut", [8, 12, 30, 100])
    def test_compressed_pixels_cut_short(self, make, save, image, syntax, encoder, cut):
        dataset = make(image, BitsStored=12, HighBit=11)
        dataset.compress(syntax, encoding_plugin=encoder)
        path = save(dataset)
        path.write_bytes(path.read_bytes()[:-cut])
        assert failure(path).reason == "decode:truncated"

    def test_a_frame_that_was_cut_and_wrapped_again(self, make, save, image):
        dataset = make(image, BitsStored=12, HighBit=11)
        dataset.compress(JPEG2000Lossless, encoding_plugin="pylibjpeg")
        frame = next(pydicom.encaps.generate_frames(dataset.PixelData, number_of_frames=1))
        dataset.PixelData = pydicom.encaps.encapsulate([frame[: len(frame) // 2]])
        assert failure(save(dataset)).reason == "decode:truncated"

    def test_fewer_frames_than_declared(self, make, save, image):
        dataset = make(np.stack([image, image]))
        dataset.compress(RLELossless, encoding_plugin="pylibjpeg")
        dataset.NumberOfFrames = 3
        assert failure(save(dataset)).reason == "decode:truncated"

    def test_a_frame_of_another_size_than_declared(self, make, save, image):
        dataset = make(image, BitsStored=12, HighBit=11)
        dataset.compress(JPEGLSLossless, encoding_plugin="pyjpegls")
        dataset.Rows, dataset.Columns = 96, 32
        caught = failure(save(dataset))
        assert caught.reason == "decode:corrupt"
        assert "(48, 64)" in caught.detail

    def test_a_size_past_all_bounds_is_refused_before_anything_is_reserved(self, make, save, image):
        dataset = make(image, NumberOfFrames="999999999999")
        path = save(dataset)
        path.write_bytes(path.read_bytes().replace(b"999999999999", b"115292150460"))
        assert failure(path).reason == "decode:too_large"
        path = save(make(image, Rows=65535, Columns=65535))
        assert failure(path).reason == "decode:too_large"

    @pytest.mark.parametrize(
        "element", [{"Rows": 0}, {"BitsAllocated": 0}, {"SamplesPerPixel": 0}, {"NumberOfFrames": "-1"}]
    )
    def test_a_header_that_makes_no_image(self, make, save, image, element):
        assert failure(save(make(image, **element))).reason == "decode:corrupt"

    def test_a_transfer_syntax_without_decoder(self, make, save, image):
        dataset = make(image)
        dataset.PixelData = pydicom.encaps.encapsulate([b"\0\0\1\xb3" * 4])
        dataset["PixelData"].is_undefined_length = True
        dataset.file_meta.TransferSyntaxUID = MPEG2MPML
        assert failure(save(dataset)).reason == "decode:unsupported_transfer_syntax"

    @pytest.mark.parametrize(
        ("syntax", "says"),
        [
            ("1.2.840.10008.1.2.4.92", "JPEG 2000 part 2"),
            ("1.2.840.10008.1.2.4.93", "JPEG 2000 part 2"),
            *((f"1.2.840.10008.1.2.4.{number}", "is a video") for number in range(100, 109)),
            ("1.2.840.10008.1.2.4.94", "JPIP"),
            ("1.2.840.10008.1.2.4.52", "has no decoder"),
            ("1.2.3.4", "has no decoder"),
        ],
    )
    def test_what_no_decoder_reads_is_named(self, make, save, image, syntax, says):
        dataset = make(image)
        dataset.PixelData = pydicom.encaps.encapsulate([b"\0\0\1\xb3" * 4])
        dataset["PixelData"].is_undefined_length = True
        dataset.file_meta.TransferSyntaxUID = syntax
        found = failure(save(dataset))
        assert found.reason == "decode:unsupported_transfer_syntax"
        assert says in found.detail

    def test_an_unknown_photometric_interpretation_is_not_guessed(self, make, save, image):
        assert failure(save(make(image, PhotometricInterpretation="XENOCHROME"))).reason == "decode:corrupt"

    def test_a_deflated_bomb_does_not_go_off(self, make, save, image, monkeypatch):
        monkeypatch.setattr("validate.imaging.dicom_file.LARGEST_INFLATED", 1 << 20)
        path = save(make(image, syntax=DeflatedExplicitVRLittleEndian))
        content = path.read_bytes()
        meta = 132 + 12 + int.from_bytes(content[140:144], "little")
        packer = zlib.compressobj(wbits=-15)
        path.write_bytes(content[:meta] + packer.compress(b"\0" * (64 << 20)) + packer.flush())
        assert failure(path).reason == "decode:too_large"

    @pytest.mark.parametrize(("cut", "reason"), [(slice(0, -8), "decode:truncated"), (slice(0, 60), "decode:corrupt")])
    def test_a_damaged_deflated_file(self, make, save, image, cut, reason):
        path = save(make(image, syntax=DeflatedExplicitVRLittleEndian))
        content = path.read_bytes()
        path.write_bytes(content[cut] if reason == "decode:truncated" else content[:400] + b"\xff" * 100)
        assert failure(path).reason == reason

    def test_random_damage_ends_in_a_reason_or_an_image(self, make, save, image):
        dataset = make(image, BitsStored=12, HighBit=11, WindowCenter=1000, WindowWidth=400)
        dataset.compress(JPEGLSLossless, encoding_plugin="pyjpegls")
        path = save(dataset)
        whole = path.read_bytes()
        generator = np.random.default_rng(7)
        reasons = set()
        for _ in range(150):
            damaged = bytearray(whole)
            for at in generator.integers(132, len(whole), size=8):
                damaged[at] = generator.integers(256)
            path.write_bytes(damaged)
            try:
                read_image(path)
            except DecodeFailure as caught:
                reasons.add(caught.reason)
        assert reasons
        assert all(reason.startswith("decode:") for reason in reasons)
