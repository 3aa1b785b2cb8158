<?xml version="1.0" encoding="UTF-8"?>
<!-- What all pages share. It is put into each page's own sheet, which has a template of
     mode="title", mode="main", and, where the page is narrow, mode="width". -->
<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform" xmlns:w="urn:restante:words" exclude-result-prefixes="w">

<xsl:template match="/">
  <xsl:apply-templates select="page"/>
</xsl:template>

<xsl:template match="page">
  <html lang="{@lang}">
    <head>
      <meta charset="utf-8"/>
      <meta name="viewport" content="width=device-width,initial-scale=1"/>
      <meta name="color-scheme" content="light dark"/>
      <title>
        <xsl:apply-templates select="." mode="title"/>
        <xsl:if test="@tenant"><xsl:text> · </xsl:text><xsl:value-of select="@tenant"/></xsl:if>
      </title>
      <link rel="stylesheet" href="{@css}"/>
      <xsl:if test="@brand"><link rel="stylesheet" href="{@brand}"/></xsl:if>
      <link rel="icon" type="image/svg+xml" href="{@icon}"/>
      <xsl:if test="@script">
        <script src="{@script}" defer="defer"/>
      </xsl:if>
    </head>
    <body>
      <a class="skip" href="#main"><w:t id="layout.skip"/></a>
      <header class="bar">
        <a class="home" href="/">
          <xsl:if test="@mark != ''"><span class="mark" aria-hidden="true"><xsl:value-of select="@mark"/></span></xsl:if>
          <xsl:if test="@tenant"><b><xsl:value-of select="@tenant"/></b></xsl:if>
          <span><w:t id="layout.product"/></span>
        </a>
        <xsl:if test="@signed = 'guest' or @signed = 'account'"><xsl:call-template name="nav"/></xsl:if>
      </header>
      <main id="main">
        <xsl:if test="not(message or list or track or compose)"><xsl:attribute name="class">narrow</xsl:attribute></xsl:if>
        <xsl:if test="track"><xsl:attribute name="class">wide</xsl:attribute></xsl:if>
        <xsl:if test="@note"><p class="note" role="status"><xsl:call-template name="note"/></p></xsl:if>
        <xsl:apply-templates select="." mode="main"/>
      </main>
      <footer class="foot">
        <xsl:if test="not(message or list or track or compose)"><xsl:attribute name="class">foot narrow</xsl:attribute></xsl:if>
        <xsl:if test="track"><xsl:attribute name="class">foot wide</xsl:attribute></xsl:if>
        <xsl:apply-templates select="." mode="foot"/>
        <xsl:if test="@tenant">
          <p>
            <xsl:choose>
              <xsl:when test="@contact-mail"><w:t id="foot.contact" tenant="@tenant"><w:f name="contact"><a href="mailto:{@contact-mail}"><xsl:value-of select="@contact"/></a></w:f></w:t></xsl:when>
              <xsl:when test="@contact != ''"><w:t id="foot.contact" tenant="@tenant"><w:f name="contact"><span class="nowrap"><xsl:value-of select="@contact"/></span></w:f></w:t></xsl:when>
              <xsl:otherwise><w:t id="foot.nocontact" tenant="@tenant"/></xsl:otherwise>
            </xsl:choose>
            <xsl:text> </xsl:text>
            <a class="nowrap" href="/check"><w:t id="foot.check"/></a>
          </p>
        </xsl:if>
      </footer>
    </body>
  </html>
</xsl:template>

<xsl:template match="page" mode="foot" priority="-2"/>

<xsl:template name="nav">
  <nav>
    <w:a name="aria-label" id="nav.label"/>
    <a href="/inbox"><xsl:if test="@nav = 'inbox'"><xsl:attribute name="aria-current">page</xsl:attribute></xsl:if><w:t id="nav.inbox"/></a>
    <a href="/sent"><xsl:if test="@nav = 'sent'"><xsl:attribute name="aria-current">page</xsl:attribute></xsl:if><w:t id="nav.sent"/></a>
    <a href="/compose"><xsl:if test="@nav = 'compose'"><xsl:attribute name="aria-current">page</xsl:attribute></xsl:if><w:t id="nav.write"/></a>
    <a href="/settings"><xsl:if test="@nav = 'settings'"><xsl:attribute name="aria-current">page</xsl:attribute></xsl:if><w:t id="nav.settings"/></a>
    <form method="post" action="/logout"><xsl:call-template name="csrf"/><button type="submit"><w:t id="nav.logout"/></button></form>
  </nav>
</xsl:template>

<xsl:template name="note">
  <xsl:choose>
    <xsl:when test="@note = 'sent'"><w:t id="note.sent"/></xsl:when>
    <xsl:when test="@note = 'account'"><w:t id="note.account"/></xsl:when>
    <xsl:when test="@note = 'signed-out'"><w:t id="note.signed-out"/></xsl:when>
    <xsl:when test="@note = 'told'"><w:t id="note.told"/></xsl:when>
  </xsl:choose>
</xsl:template>

<!-- In every form that posts. -->
<xsl:template name="csrf">
  <xsl:if test="/page/@csrf"><input type="hidden" name="csrf" value="{/page/@csrf}"/></xsl:if>
</xsl:template>

<!-- Who wrote: the context has a sender. -->
<xsl:template name="who">
  <div class="who">
    <span class="mark" aria-hidden="true"><xsl:value-of select="sender/@initials"/></span>
    <div>
      <b><xsl:value-of select="sender/@shown"/></b>
      <!-- Who is known by name is of the tenant; of nobody else that is said. -->
      <xsl:if test="sender/@name != '' and sender/@address != ''"><small><xsl:value-of select="sender/@address"/><xsl:text> · </xsl:text><xsl:value-of select="/page/@tenant"/></small></xsl:if>
    </div>
  </div>
</xsl:template>

<!-- The foot of the pages before a message: how to reach the one who wrote. -->
<xsl:template name="foot-sender">
  <xsl:if test="sender/@address != ''">
    <p>
      <w:t id="foot.sender" name="sender/@shown"><w:f name="address"><a href="mailto:{sender/@address}"><xsl:value-of select="sender/@address"/></a></w:f></w:t>
      <xsl:if test="@code and not(@why) and not(self::wrong)"><xsl:text> </xsl:text><a href="/m/{@code}/wrong"><w:t id="foot.wrong"/></a></xsl:if>
    </p>
  </xsl:if>
</xsl:template>

</xsl:stylesheet>
