//! A page as SVG 1.1: vectors for lines and text, an embedded PNG for a shaded field.

use super::colour::Colour;
use super::page::{Image, Page, Shape, Stroke, Text};
use super::png;
use super::text::{Anchor, FONT_FAMILY};
use base64::Engine;
use std::fmt::Write;

/// The page as an SVG document.
pub fn encode(page: &Page) -> String {
    let (w, h) = (page.width, page.height);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" xmlns:xlink=\"http://www.w3.org/1999/xlink\" width=\"{w}\" \
         height=\"{h}\" viewBox=\"0 0 {w} {h}\" font-family=\"{FONT_FAMILY}\">\n<rect width=\"{w}\" height=\"{h}\" \
         fill=\"#ffffff\"/>\n"
    );
    for shape in &page.shapes {
        out += &match shape {
            Shape::Line { points, stroke } => line(points, stroke),
            Shape::Box { corner: [x, y], size: [w, h], fill, opacity } => format!(
                "<rect x=\"{x:.2}\" y=\"{y:.2}\" width=\"{w:.2}\" height=\"{h:.2}\" fill=\"{}\" \
                 fill-opacity=\"{opacity:.2}\"/>",
                hex(*fill)
            ),
            Shape::Disc { centre: [x, y], radius, fill, rim } => format!(
                "<circle cx=\"{x:.2}\" cy=\"{y:.2}\" r=\"{radius:.2}\" fill=\"{}\" {}/>",
                hex(*fill),
                attributes(rim)
            ),
            Shape::Text(t) => text(t),
            Shape::Image(i) => image(i),
        };
        out.push('\n');
    }
    out + "</svg>\n"
}

fn line(points: &[[f64; 2]], stroke: &Stroke) -> String {
    let mut list = String::with_capacity(points.len() * 14);
    for [x, y] in points {
        let _ = write!(list, "{x:.2},{y:.2} ");
    }
    format!("<polyline points=\"{}\" fill=\"none\" {}/>", list.trim_end(), attributes(stroke))
}

fn attributes(stroke: &Stroke) -> String {
    let mut out =
        format!("stroke=\"{}\" stroke-width=\"{:.2}\" stroke-linejoin=\"round\"", hex(stroke.colour), stroke.width);
    if !stroke.dash.is_empty() {
        let dash: Vec<String> = stroke.dash.iter().map(|d| format!("{d}")).collect();
        let _ = write!(out, " stroke-dasharray=\"{}\"", dash.join(" "));
    }
    if stroke.opacity < 1.0 {
        let _ = write!(out, " stroke-opacity=\"{:.2}\"", stroke.opacity);
    }
    out
}

fn text(t: &Text) -> String {
    let [x, y] = t.at;
    let anchor = match t.anchor {
        Anchor::Start => "start",
        Anchor::Middle => "middle",
        Anchor::End => "end",
    };
    let turn = if t.upright { format!(" transform=\"rotate(-90 {x:.2} {y:.2})\"") } else { String::new() };
    format!(
        "<text x=\"{x:.2}\" y=\"{y:.2}\" font-size=\"{:.2}\" text-anchor=\"{anchor}\" fill=\"{}\"{turn}>{}</text>",
        t.size,
        hex(t.colour),
        quick_xml::escape::escape(t.text.as_str())
    )
}

fn image(i: &Image) -> String {
    let data = base64::engine::general_purpose::STANDARD.encode(png::encode_rgba(i.width, i.height, &i.rgba));
    format!(
        "<image x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" xlink:href=\"data:image/png;base64,{data}\"/>",
        i.x, i.y, i.width, i.height
    )
}

fn hex([r, g, b]: Colour) -> String {
    format!("#{r:02x}{g:02x}{b:02x}")
}
