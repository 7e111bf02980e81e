//! Pages of a PDF, as pictures.

use hayro::hayro_syntax::{LoadPdfError, Pdf};
use hayro::vello_cpu::Pixmap;
use hayro::vello_cpu::color::palette::css::WHITE;
use hayro::{PixmapSettings, RenderCache, RenderSettings, hayro_interpret::InterpreterSettings};

use super::super::frames::Word;
use super::super::{Failure, HIGHEST, WIDEST};

/// How much a small page is enlarged, at most.
const ENLARGED: f32 = 4.0;

/// Draws the first `most` pages, one after the other. Scripts, forms to be sent, links and attachments in it mean nothing here.
pub(super) fn pages(content: Vec<u8>, most: u32, say: &mut dyn FnMut(Word<'_>) -> bool) -> Result<(), Failure> {
    let pdf = Pdf::new(content).map_err(|error| match error {
        LoadPdfError::Decryption(_) => Failure::Encrypted,
        LoadPdfError::Invalid => Failure::Unreadable,
    })?;
    let pages = pdf.pages();
    if pages.is_empty() {
        return Err(Failure::Empty);
    }
    if !say(Word::Count(u32::try_from(pages.len()).unwrap_or(u32::MAX))) {
        return Ok(());
    }
    let cache = RenderCache::new();
    let (settings, quality) = (InterpreterSettings::default(), RenderSettings::default());
    for page in pages.iter().take(most as usize) {
        let scale = scale(page.render_dimensions());
        let size = PixmapSettings { x_scale: scale.0, y_scale: scale.1, bg_color: WHITE };
        let picture = hayro::render(page, &cache, &settings, &quality, &size);
        let png = png(&picture).ok_or(Failure::Unreadable)?;
        if !say(Word::Picture(&png)) {
            break;
        }
    }
    Ok(())
}

/// By how much a page is enlarged across and down, so that its picture keeps to the bounds and has at least a pixel.
fn scale((width, height): (f32, f32)) -> (f32, f32) {
    let fits = (WIDEST as f32 / width).min(HIGHEST as f32 / height).min(ENLARGED);
    let side = |length: f32, most: u32| {
        let pixels = (length * fits).clamp(1.0, most as f32);
        // Whatever is no number becomes one pixel.
        if pixels.is_finite() && length.is_normal() { (pixels + 0.01) / length } else { 1.0 / length.max(1.0) }
    };
    (side(width, WIDEST), side(height, HIGHEST))
}

fn png(picture: &Pixmap) -> Option<Vec<u8>> {
    let (width, height) = (u32::from(picture.width()), u32::from(picture.height()));
    // On white nothing shines through.
    let pixels: Vec<u8> =
        picture.data_as_u8_slice().chunks_exact(4).flat_map(|pixel| [pixel[0], pixel[1], pixel[2]]).collect();
    let mut out = Vec::new();
    let mut encoder = png::Encoder::new(&mut out, width, height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_compression(png::Compression::Fast);
    let mut writer = encoder.write_header().ok()?;
    writer.write_image_data(&pixels).ok()?;
    writer.finish().ok()?;
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_page_fits_whatever_it_claims_to_measure() {
        let sides = [0.0, -5.0, 1e-30, 0.001, 1.0, 595.0, 842.0, 14_400.0, 1e9, 1e30, f32::INFINITY, f32::NAN];
        for width in sides {
            for height in sides {
                let (across, down) = scale((width, height));
                let (wide, high) = ((width * across) as u16, (height * down) as u16);
                assert!(u32::from(wide) <= WIDEST && u32::from(high) <= HIGHEST, "{width} × {height}: {wide} × {high}");
            }
        }
        let (across, down) = scale((595.0, 842.0));
        assert_eq!(((595.0 * across) as u16, (842.0 * down) as u16), (1000, 1415));
        assert_eq!(((10.0 * scale((10.0, 20.0)).0) as u16), 40, "a small page is enlarged four times, no more");
    }
}
