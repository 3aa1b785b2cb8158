<?xml version="1.0" encoding="UTF-8"?>
<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform" xmlns:w="urn:restante:words" exclude-result-prefixes="w">

<!-- Who has read it: a row a person; on a phone a card. -->
<xsl:template match="page" mode="title"><w:t id="track.title"/></xsl:template>

<xsl:template match="page" mode="main">
  <xsl:for-each select="track">
    <p class="back"><a href="/sent"><w:t id="nav.sent"/></a></p>
    <div class="sheet">
      <h1 dir="auto">
        <xsl:choose>
          <xsl:when test="subject = ''"><w:t id="message.no-subject"/></xsl:when>
          <xsl:otherwise><xsl:value-of select="subject"/></xsl:otherwise>
        </xsl:choose>
      </h1>
      <p class="quiet">
        <w:t id="track.sent" at="created/@minute"/><xsl:text> · </xsl:text>
        <span class="nowrap"><w:t id="list.until" until="expires/@short"/></span>
        <xsl:choose>
          <xsl:when test="@files = 1"><xsl:text> · </xsl:text><w:t id="list.file"/></xsl:when>
          <xsl:when test="@files &gt; 1"><xsl:text> · </xsl:text><w:t id="list.files" n="@files"/></xsl:when>
        </xsl:choose>
      </p>
      <table role="table">
        <caption class="unseen"><w:t id="track.title"/></caption>
        <thead role="rowgroup">
          <tr role="row">
            <th role="columnheader" scope="col"><w:t id="track.person"/></th>
            <th role="columnheader" scope="col"><w:t id="track.notice"/></th>
            <th role="columnheader" scope="col"><w:t id="track.proved"/></th>
            <th role="columnheader" scope="col"><w:t id="track.read"/></th>
            <xsl:if test="@files &gt; 0"><th role="columnheader" scope="col"><w:t id="track.files"/></th></xsl:if>
            <th role="columnheader" scope="col"><w:t id="track.replied"/></th>
          </tr>
        </thead>
        <tbody role="rowgroup"><xsl:apply-templates select="person"/></tbody>
      </table>
      <div class="row">
        <a class="btn plain" href="/message/{@id}"><w:t id="track.open"/></a>
      </div>
      <h2><w:t id="track.meaning"/></h2>
      <p class="quiet"><w:t id="track.meaning-text"/></p>
    </div>
  </xsl:for-each>
</xsl:template>

<xsl:template match="person">
  <tr role="row">
    <th role="rowheader" scope="row"><xsl:value-of select="@address"/>
      <xsl:if test="wrong"><small class="no"><w:t id="track.wrong"><w:f name="at"><xsl:apply-templates select="wrong/at"/></w:f></w:t></small></xsl:if>
    </th>
    <td role="cell">
      <w:a name="data-step" id="track.notice"/>
      <div>
        <xsl:choose>
          <xsl:when test="notice"><xsl:apply-templates select="notice" mode="step"/></xsl:when>
          <xsl:when test="failed">
            <span class="no"><w:t id="track.refused"><w:f name="at"><xsl:apply-templates select="failed/at"/></w:f></w:t></span>
            <small><xsl:value-of select="failed/@detail"/></small>
          </xsl:when>
          <xsl:otherwise><span class="not"><w:t id="track.waiting"/></span></xsl:otherwise>
        </xsl:choose>
      </div>
    </td>
    <td role="cell">
      <w:a name="data-step" id="track.proved"/>
      <div>
        <xsl:choose>
          <xsl:when test="proved"><xsl:apply-templates select="proved" mode="step"/></xsl:when>
          <xsl:when test="code"><span class="not"><w:t id="track.code"><w:f name="at"><xsl:apply-templates select="code/at"/></w:f></w:t></span></xsl:when>
          <xsl:otherwise><xsl:call-template name="not-yet"/></xsl:otherwise>
        </xsl:choose>
      </div>
    </td>
    <td role="cell">
      <w:a name="data-step" id="track.read"/>
      <div>
        <xsl:choose>
          <xsl:when test="displayed"><xsl:apply-templates select="displayed" mode="step"/></xsl:when>
          <xsl:otherwise><xsl:call-template name="not-yet"/></xsl:otherwise>
        </xsl:choose>
      </div>
    </td>
    <xsl:if test="../@files &gt; 0">
      <td role="cell">
        <w:a name="data-step" id="track.files"/>
        <div>
          <xsl:choose>
            <xsl:when test="file">
              <xsl:choose>
                <xsl:when test="count(file) &gt;= ../@files"><span class="yes"><w:t id="track.of" n="count(file)" all="../@files"/></span></xsl:when>
                <xsl:otherwise><w:t id="track.of" n="count(file)" all="../@files"/></xsl:otherwise>
              </xsl:choose>
              <xsl:for-each select="file"><small><xsl:value-of select="@detail"/><xsl:text>, </xsl:text><xsl:apply-templates select="at"/></small></xsl:for-each>
            </xsl:when>
            <xsl:otherwise><xsl:call-template name="not-yet"/></xsl:otherwise>
          </xsl:choose>
        </div>
      </td>
    </xsl:if>
    <td role="cell">
      <w:a name="data-step" id="track.replied"/>
      <div>
        <xsl:choose>
          <xsl:when test="replied"><xsl:apply-templates select="replied" mode="step"/></xsl:when>
          <xsl:otherwise><xsl:call-template name="not-yet"/></xsl:otherwise>
        </xsl:choose>
      </div>
    </td>
  </tr>
</xsl:template>

<xsl:template match="*" mode="step">
  <time class="yes" datetime="{at/@iso}"><xsl:apply-templates select="at"/></time>
  <xsl:if test="@detail != ''"><small><xsl:value-of select="@detail"/></small></xsl:if>
</xsl:template>

<!-- A moment breaks between its day and its time of day only. -->
<xsl:template match="at"><span class="nowrap"><xsl:value-of select="@short"/>,</span><xsl:text> </xsl:text><span class="nowrap"><xsl:value-of select="@hm"/></span></xsl:template>

<xsl:template name="not-yet"><span class="not"><w:t id="track.not-yet"/></span></xsl:template>

</xsl:stylesheet>
